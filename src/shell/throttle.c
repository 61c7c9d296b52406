#include "shell/throttle.h"

void pdk_throttle_init(struct pdk_throttle *t, const struct pdk_throttle_config *config,
                       int64_t now_ms)
{
    *t = (struct pdk_throttle){
        .config = *config, .tokens = config->tokens, .filled_ms = now_ms, .frozen_ms = now_ms};
}

int64_t pdk_throttle_deficit(const struct pdk_throttle *t)
{
    return t->config.tokens > 0 ? t->config.tokens - t->tokens : 0;
}

static void fill(struct pdk_throttle *t, int64_t now_ms)
{
    int64_t fills = (now_ms - t->filled_ms) / t->config.fill_time_ms;
    if (fills <= 0) return;
    t->filled_ms += fills * t->config.fill_time_ms;
    int64_t missing = t->config.tokens - t->tokens;
    /* Divided, not multiplied: a server that slept for a year must not overflow. */
    bool full = t->config.fill_count > 0 && fills >= missing / t->config.fill_count + 1;
    t->tokens = full ? t->config.tokens : t->tokens + fills * t->config.fill_count;
    if (t->tokens > t->config.tokens) t->tokens = t->config.tokens;
}

static void adapt_drop(struct pdk_throttle *t, int64_t now_ms)
{
    if (now_ms - t->frozen_ms <= t->config.freeze_time_ms) return;
    int64_t missing = pdk_throttle_deficit(t);
    double recovered = (double)t->config.tokens * t->config.decrease_ratio;
    if (t->tokens == 0) {
        t->drop += t->config.drop_increase;
        if (t->drop > 1) t->drop = 1;
    } else if ((double)missing <= recovered) {
        t->drop -= t->config.drop_decrease;
        if (t->drop < 0) t->drop = 0;
    }
    t->frozen_ms = now_ms;
}

bool pdk_throttle_pass(struct pdk_throttle *t, int64_t need, int64_t now_ms, struct pdk_prng *prng)
{
    if (t->config.tokens <= 0) return true;
    fill(t, now_ms);
    if (t->config.freeze_time_ms >= 0) {
        adapt_drop(t, now_ms);
        const uint64_t steps = UINT64_C(1) << 32;
        if ((double)pdk_prng_below(prng, steps) < t->drop * (double)steps) return false;
    }
    if (t->tokens < need) return false;
    t->tokens -= need;
    return true;
}
