#include "isa_runtime.h"
#include <string.h>
#include <unistd.h>

void say_text(const char *text)
{
    if (write(1, text, strlen(text)) < 0) _exit(3);
}
