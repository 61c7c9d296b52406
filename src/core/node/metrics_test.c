#include "core/node/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void no_name_stands_twice_in_the_table(void **state)
{
    (void)state;
    size_t count = 0;
    const struct pdk_metric_info *table = pdk_metric_table(&count);
    assert_true(count > 150);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(table[i].name, table[k].name) == 0) fail_msg("twice: %s", table[i].name);
        }
    }
}

static size_t size_of(const struct pdk_metric_info *info)
{
    switch (info->kind) {
    case PDK_METRIC_COUNTER: return sizeof(uint64_t);
    case PDK_METRIC_SUMMARY: return sizeof(struct pdk_summary);
    case PDK_METRIC_PERCENTILES: return sizeof(struct pdk_percentiles);
    case PDK_METRIC_SUMMARY_SET: return sizeof(struct pdk_namespaces);
    default: fail_msg("%s is measured, but not of a kind with a field", info->name);
    }
    return 0;
}

static void every_field_belongs_to_exactly_one_row(void **state)
{
    (void)state;
    size_t count = 0, covered = 0;
    const struct pdk_metric_info *table = pdk_metric_table(&count);
    uint8_t *taken = calloc(1, sizeof(struct pdk_metrics));
    assert_non_null(taken);
    for (size_t i = 0; i < count; i++) {
        if (table[i].offset == PDK_METRIC_UNMEASURED) continue;
        size_t size = size_of(&table[i]);
        for (size_t at = table[i].offset; at < table[i].offset + size; at++) {
            if (taken[at]++ != 0) fail_msg("%s overlaps another row", table[i].name);
        }
        covered += size;
    }
    assert_int_equal(covered, sizeof(struct pdk_metrics));
    free(taken);
}

static const struct pdk_metric_info *row(const char *name)
{
    size_t count = 0;
    const struct pdk_metric_info *table = pdk_metric_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0) return &table[i];
    }
    fail_msg("no metric %s", name);
    return NULL;
}

static void values_are_found_by_their_row(void **state)
{
    (void)state;
    struct pdk_metrics *m = malloc(sizeof *m);
    assert_non_null(m);
    pdk_metrics_init(m);
    m->commit_count = 3;
    pdk_summary_add(&m->fsynctime, 9);
    pdk_percentiles_add(&m->readlatency, 4);
    assert_int_equal(*pdk_metric_counter(m, row("commit_count")), 3);
    assert_int_equal(pdk_metric_summary(m, row("fsynctime"))->sum, 9);
    assert_int_equal(pdk_metric_percentiles(m, row("readlatency"))->summary.max, 4);
    assert_null(pdk_metric_counter(m, row("fsynctime")));
    assert_null(pdk_metric_summary(m, row("leader_unavailable_time")));
    pdk_metrics_reset(m);
    assert_int_equal(*pdk_metric_counter(m, row("commit_count")), 0);
    assert_int_equal(pdk_metric_percentiles(m, row("readlatency"))->summary.count, 0);
    free(m);
}

/* -1: the namespace is not there. */
static int64_t sum_of(const struct pdk_namespaces *s, const char *name)
{
    for (size_t i = 0; i < PDK_NAMESPACE_SLOTS; i++) {
        const struct pdk_namespace *slot = &s->slots[i];
        if (slot->len == strlen(name) && memcmp(slot->name, name, slot->len) == 0)
            return (int64_t)slot->bytes.sum;
    }
    return -1;
}

static void a_namespace_is_the_first_name_and_there_are_not_too_many(void **state)
{
    (void)state;
    struct pdk_namespaces *s = calloc(1, sizeof *s);
    assert_non_null(s);
    static const char *const none[] = {"", "/", "a", "//a"};
    for (size_t i = 0; i < PDK_COUNT_OF(none); i++)
        pdk_namespaces_add(s, pdk_slice_str(none[i]), 5);
    assert_int_equal(s->count, 0);
    pdk_namespaces_add(s, pdk_slice_str("/ab"), 5);
    pdk_namespaces_add(s, pdk_slice_str("/ab/c/d"), 6);
    pdk_namespaces_add(s, pdk_slice_str("/abc"), 100);
    assert_int_equal(sum_of(s, "ab"), 11);
    assert_int_equal(sum_of(s, "abc"), 100);
    char path[80] = "/";
    memset(path + 1, 'x', PDK_NAMESPACE_NAME_MAX + 1);
    pdk_namespaces_add(s, pdk_slice_of(path, PDK_NAMESPACE_NAME_MAX + 2), 1);
    assert_int_equal(s->count, 2);
    pdk_namespaces_add(s, pdk_slice_of(path, PDK_NAMESPACE_NAME_MAX + 1), 1);
    assert_int_equal(s->count, 3);
    for (unsigned i = 0; i < 65536; i++) {
        path[1] = (char)('a' + i % 26);
        path[2] = (char)('a' + i / 26 % 26);
        path[3] = (char)('a' + i / 676 % 26);
        pdk_namespaces_add(s, pdk_slice_of(path, 4), 1);
    }
    assert_int_equal(s->count, PDK_NAMESPACES_MAX);
    assert_int_equal(sum_of(s, "ab"), 11);
    free(s);
}

static void operations_are_counted_by_name_and_in_all(void **state)
{
    (void)state;
    struct pdk_metrics *m = calloc(1, sizeof *m);
    assert_non_null(m);
    static const int32_t ops[] = {1, 15, 19, 21, 8, 12, 101, 105, 0, 99, -1};
    for (size_t i = 0; i < PDK_COUNT_OF(ops); i++) pdk_metrics_count_op(m, ops[i]);
    assert_int_equal(m->op_count_create, 4);
    assert_int_equal(m->op_count_get_children, 2);
    assert_int_equal(m->op_count_set_watches, 2);
    assert_int_equal(m->op_count_total, 8);
    free(m);
}

static void merging_adds_every_kind(void **state)
{
    (void)state;
    struct pdk_metrics *m = calloc(2, sizeof *m);
    assert_non_null(m);
    m[0].commit_count = 3;
    m[1].commit_count = 4;
    m[1].bytes_received_count = 100;
    pdk_summary_add(&m[0].fsynctime, 9);
    pdk_summary_add(&m[1].fsynctime, 2);
    pdk_percentiles_add(&m[1].readlatency, 4);
    pdk_namespaces_add(&m[0].read_per_namespace, pdk_slice_str("/a"), 1);
    pdk_namespaces_add(&m[1].read_per_namespace, pdk_slice_str("/a/b"), 3);
    pdk_namespaces_add(&m[1].read_per_namespace, pdk_slice_str("/b"), 7);
    pdk_metrics_merge(&m[0], &m[1]);
    assert_int_equal(m[0].commit_count, 7);
    assert_int_equal(m[0].bytes_received_count, 100);
    assert_int_equal(m[0].fsynctime.count, 2);
    assert_int_equal(m[0].fsynctime.min, 2);
    assert_int_equal(pdk_percentiles_at(&m[0].readlatency, 500), 4);
    assert_int_equal(sum_of(&m[0].read_per_namespace, "a"), 4);
    assert_int_equal(sum_of(&m[0].read_per_namespace, "b"), 7);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_name_stands_twice_in_the_table),
        cmocka_unit_test(every_field_belongs_to_exactly_one_row),
        cmocka_unit_test(values_are_found_by_their_row),
        cmocka_unit_test(merging_adds_every_kind),
        cmocka_unit_test(a_namespace_is_the_first_name_and_there_are_not_too_many),
        cmocka_unit_test(operations_are_counted_by_name_and_in_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
