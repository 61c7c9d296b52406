/* tools/load/report.h - what was measured, for people or as JSON. */
#ifndef PDK_TOOLS_LOAD_REPORT_H
#define PDK_TOOLS_LOAD_REPORT_H

#include "base/metric.h"
#include "tools/load/load.h"

/* Codes of failed requests that are told apart; further ones count as `other_errors`. */
#define PDK_LOAD_CODES_MAX 16

enum pdk_load_class { PDK_LOAD_READS, PDK_LOAD_WRITES, PDK_LOAD_CLASS_COUNT };

/* All zero is the empty state. */
struct pdk_load_report {
    struct pdk_percentiles latency_ns[PDK_LOAD_CLASS_COUNT];
    uint64_t answered; /* requests, failed ones too */
    struct {
        int32_t code;
        uint64_t count;
    } errors[PDK_LOAD_CODES_MAX];
    uint64_t other_errors;
    uint64_t lost; /* connections */
    double seconds;
    double cpu_server_s, cpu_self_s; /* -1: not measured */
};

void pdk_load_report_error(struct pdk_load_report *r, int32_t code);
void pdk_load_report_merge(struct pdk_load_report *into, const struct pdk_load_report *from);
uint64_t pdk_load_report_errors(const struct pdk_load_report *r);
/* `mode`: the word for the first field. */
void pdk_load_report_print(const struct pdk_load_report *r, const struct pdk_load_settings *s,
                           const char *mode);

#endif
