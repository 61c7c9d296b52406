#include "server/words.h"

/* The Apache version that clients may take us for: decision pages, docs/DEVIATIONS.md. */
#define COMPATIBLE "3.9.5"

/* "11/20/2026 12:00 UTC": of the commit, or SOURCE_DATE_EPOCH; the Makefile says it. */
#ifndef PDK_BUILD_DATE
#define PDK_BUILD_DATE "01/01/1970 00:00 UTC"
#endif

const char *pdk_version_number(void) { return COMPATIBLE "-paddock-" PDK_VERSION; }

const char *pdk_version_text(void)
{
    return COMPATIBLE "-paddock-" PDK_VERSION ", built on " PDK_BUILD_DATE;
}
