#include "tools/load/report.h"

#include "proto/code.h"

#include <stdio.h>

void pdk_load_report_error(struct pdk_load_report *r, int32_t code)
{
    for (size_t i = 0; i < PDK_LOAD_CODES_MAX; i++) {
        if (r->errors[i].count == 0) r->errors[i].code = code;
        if (r->errors[i].code == code) {
            r->errors[i].count++;
            return;
        }
    }
    r->other_errors++;
}

static void add_errors(struct pdk_load_report *into, int32_t code, uint64_t count)
{
    for (size_t i = 0; i < PDK_LOAD_CODES_MAX; i++) {
        if (into->errors[i].count == 0) into->errors[i].code = code;
        if (into->errors[i].code == code) {
            into->errors[i].count += count;
            return;
        }
    }
    into->other_errors += count;
}

void pdk_load_report_merge(struct pdk_load_report *into, const struct pdk_load_report *from)
{
    for (int k = 0; k < PDK_LOAD_CLASS_COUNT; k++) {
        pdk_percentiles_merge(&into->latency_ns[k], &from->latency_ns[k]);
    }
    into->answered += from->answered;
    for (size_t i = 0; i < PDK_LOAD_CODES_MAX; i++) {
        if (from->errors[i].count > 0) {
            add_errors(into, from->errors[i].code, from->errors[i].count);
        }
    }
    into->other_errors += from->other_errors;
    into->lost += from->lost;
    if (from->seconds > into->seconds) into->seconds = from->seconds;
}

uint64_t pdk_load_report_errors(const struct pdk_load_report *r)
{
    uint64_t sum = r->other_errors;
    for (size_t i = 0; i < PDK_LOAD_CODES_MAX; i++) sum += r->errors[i].count;
    return sum;
}

static double us_at(const struct pdk_percentiles *p, unsigned per_mille)
{
    return (double)pdk_percentiles_at(p, per_mille) / 1e3;
}

static void print_latency(const struct pdk_percentiles *p, const char *name, bool json)
{
    const char *form =
        json ? ",\"%s\":{\"count\":%llu,\"mean_us\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,"
               "\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f}"
             : "%-7s %10llu   mean %9.1f us   p50 %9.1f   p90 %9.1f   p99 %9.1f   p99.9 %9.1f   "
               "max %9.1f\n";
    printf(form, name, (unsigned long long)p->summary.count, pdk_summary_average(&p->summary) / 1e3,
           us_at(p, 500), us_at(p, 900), us_at(p, 990), us_at(p, 999),
           (double)p->summary.max / 1e3);
}

static void print_errors(const struct pdk_load_report *r, bool json)
{
    const char *separator = "";
    if (json) printf(",\"errors\":{");
    for (size_t i = 0; i < PDK_LOAD_CODES_MAX && r->errors[i].count > 0; i++) {
        printf(json ? "%s\"%s\":%llu" : "%serrors  %s %llu\n", json ? separator : "",
               pdk_code_name(r->errors[i].code), (unsigned long long)r->errors[i].count);
        separator = ",";
    }
    if (r->other_errors > 0) {
        printf(json ? "%s\"other\":%llu" : "%serrors  other %llu\n", json ? separator : "",
               (unsigned long long)r->other_errors);
    }
    if (json) printf("}");
}

void pdk_load_report_print(const struct pdk_load_report *r, const struct pdk_load_settings *s,
                           const char *mode)
{
    bool json = s->json;
    double per_second = r->seconds > 0 ? (double)r->answered / r->seconds : 0;
    printf(json ? "{\"mode\":\"%s\",\"requests\":%llu,\"seconds\":%.3f,\"per_second\":%.1f"
                : "%s: %llu requests in %.3f s, %.0f per second\n",
           mode, (unsigned long long)r->answered, r->seconds, per_second);
    static const char *const names[] = {"reads", "writes"};
    for (int k = 0; k < PDK_LOAD_CLASS_COUNT; k++) {
        if (r->latency_ns[k].summary.count > 0) print_latency(&r->latency_ns[k], names[k], json);
    }
    double per_request_us = r->answered > 0 ? 1e6 / (double)r->answered : 0;
    if (r->cpu_server_s >= 0) {
        printf(json ? ",\"cpu_server_s\":%.3f,\"cpu_server_us\":%.3f"
                    : "server  %.2f s of CPU, %.3f us per request\n",
               r->cpu_server_s, r->cpu_server_s * per_request_us);
    }
    printf(json ? ",\"cpu_self_s\":%.3f,\"cpu_self_us\":%.3f"
                : "client  %.2f s of CPU, %.3f us per request\n",
           r->cpu_self_s, r->cpu_self_s * per_request_us);
    print_errors(r, json);
    if (json) {
        printf(",\"lost\":%llu}\n", (unsigned long long)r->lost);
    } else if (r->lost > 0) {
        printf("lost    %llu connections\n", (unsigned long long)r->lost);
    }
}
