/* init.h - the host's stand-in: start-up functions run before main. */
#ifndef KEPLER_KERN_INIT_H
#define KEPLER_KERN_INIT_H
#define INIT(level, function)                                                                                          \
    static __attribute__((constructor(200))) void start_##function(void) { function(); }                               \
    static void (*const start_of_##function)(void) __attribute__((unused)) = start_##function
#endif
