#include "emu/orrery.h"

const char *orrery_version(void) { return ORRERY_VERSION_TEXT; }
int orrery_api_version(void) { return ORRERY_API_VERSION; }
