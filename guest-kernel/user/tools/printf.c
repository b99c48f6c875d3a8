/*
 * printf.c - printf as a program; lib/echo.c does the work, for the shell's built-in as well.
 */
#include "lib/util.h"

int main(int argc, char **argv)
{
    util_start(argv);
    return util_end(printf_command(argc, argv));
}
