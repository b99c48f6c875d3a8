/*
 * true.c - true and false: the smallest programs there are. The exit status is all that they say.
 */
#include <string.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    (void)argc;
    util_start(argv);
    return !strcmp(program, "false");
}
