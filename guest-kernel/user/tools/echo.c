/*
 * echo.c - echo as a program; lib/echo.c does the work, for the shell's built-in as well.
 */
#include "lib/util.h"

int main(int argc, char **argv)
{
    util_start(argv);
    return util_end(echo_command(argc, argv));
}
