/* trace.h - the host's stand-in: no trace. */
#ifndef KEPLER_KERN_TRACE_H
#define KEPLER_KERN_TRACE_H
#define trace(event, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif
