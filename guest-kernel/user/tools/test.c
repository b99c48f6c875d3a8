/*
 * test.c - test as a program; lib/test.c does the work, for the shell's built-in as well.
 */
#include "lib/util.h"

int main(int argc, char **argv)
{
    util_start(argv);
    return util_end(test_command(argc, argv));
}
