/* tools/load/report.h - what was measured, for people or as JSON. */
#ifndef PDK_TOOLS_LOAD_REPORT_H
#define PDK_TOOLS_LOAD_REPORT_H

#include "base/metric.h"
#include "tools/load/load.h"

/* Codes of failed requests that are told apart; further ones count as `other_errors`. */
#define LOAD_CODES_MAX 16

enum load_class { LOAD_READS, LOAD_WRITES, LOAD_CLASS_COUNT };

/* All zero is the empty state. */
struct load_report {
    struct pdk_percentiles latency_ns[LOAD_CLASS_COUNT];
    uint64_t answered; /* requests, failed ones too */
    struct {
        int32_t code;
        uint64_t count;
    } errors[LOAD_CODES_MAX];
    uint64_t other_errors;
    uint64_t lost; /* connections */
    double seconds;
    double cpu_server_s, cpu_self_s; /* -1: not measured */
};

void load_report_error(struct load_report *r, int32_t code);
void load_report_merge(struct load_report *into, const struct load_report *from);
uint64_t load_report_errors(const struct load_report *r);
/* `mode`: the word for the first field. */
void load_report_print(const struct load_report *r, const struct load_settings *s,
                       const char *mode);

#endif
