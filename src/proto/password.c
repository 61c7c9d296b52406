#include "proto/password.h"

/* java.util.Random, as its documentation defines it: a 48-bit linear congruential generator whose
 * upper 32 bits are the output.  Bytes come low one first. */
#define RANDOM_FACTOR 0x5deece66du
#define RANDOM_MASK ((UINT64_C(1) << 48) - 1)
/* What Apache mixes into the session id. */
#define SESSION_MIX 0xb3415c00u

void pdk_password_of(pdk_session session, uint8_t out[PDK_PASSWORD_LEN])
{
    uint64_t s = ((uint64_t)session ^ SESSION_MIX ^ RANDOM_FACTOR) & RANDOM_MASK;
    for (size_t i = 0; i < PDK_PASSWORD_LEN; i += 4) {
        s = (s * RANDOM_FACTOR + 0xb) & RANDOM_MASK;
        uint32_t v = (uint32_t)(s >> 16);
        for (size_t k = 0; k < 4; k++) out[i + k] = (uint8_t)(v >> (8 * k));
    }
}

bool pdk_password_matches(pdk_session session, struct pdk_slice password)
{
    if (session == 0 || password.is_null || password.len != PDK_PASSWORD_LEN) return false;
    uint8_t right[PDK_PASSWORD_LEN];
    pdk_password_of(session, right);
    unsigned diff = 0;
    for (size_t i = 0; i < PDK_PASSWORD_LEN; i++) diff |= (unsigned)(right[i] ^ password.bytes[i]);
    return diff == 0;
}
