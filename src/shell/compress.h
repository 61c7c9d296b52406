/* shell/compress.h - gzip by zlib, and snappy in xerial's framing by libsnappy, as
 * core/store/codec.h wants them. */
#ifndef PDK_SHELL_COMPRESS_H
#define PDK_SHELL_COMPRESS_H

#include "core/store/codec.h"

const struct pdk_codecs *pdk_codecs_standard(void);

#endif
