#include "sim/recording.h"

#include "sim/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAX ((size_t)1 << 24)

static void stop(const struct pdk_recording *r, const char *what)
{
    (void)fprintf(stderr, "recording: line %u: %s\n", r->line, what);
    abort();
}

void pdk_recording_open(struct pdk_recording *r, const char *path)
{
    *r = (struct pdk_recording){0};
    pdk_golden_read(&r->text, path);
    r->rest = pdk_buf_slice(&r->text);
    pdk_buf_init(&r->bytes, pdk_mem_heap(), FRAME_MAX);
}

void pdk_recording_close(struct pdk_recording *r)
{
    pdk_buf_deinit(&r->text);
    pdk_buf_deinit(&r->bytes);
}

/* A line as a string, for sscanf; the heads of lines are short. */
static void head_of(struct pdk_slice line, char head[200])
{
    size_t len = pdk_min_size(line.len, 199);
    memcpy(head, line.bytes, len);
    head[len] = '\0';
}

static unsigned read_stream(struct pdk_recording *r, struct pdk_slice line)
{
    char head[200], port[16];
    unsigned number;
    long long dialler, acceptor;
    head_of(line, head);
    if (sscanf(head, "@ %u %15s port, sid %lld dials sid %lld", &number, port, &dialler,
               &acceptor) != 4 ||
        number >= PDK_RECORDING_STREAMS)
        stop(r, "no stream");
    struct pdk_recorded_stream now = {true, strcmp(port, "election") == 0, dialler, acceptor};
    struct pdk_recorded_stream *was = &r->streams[number];
    if (was->known && (was->is_election != now.is_election || was->dialler != now.dialler ||
                       was->acceptor != now.acceptor))
        stop(r, "the stream is another one");
    *was = now;
    return number;
}

/* What is said of the stream that the next lines are about. */
static void describe(const struct pdk_recording *r, struct pdk_recorded *out)
{
    const struct pdk_recorded_stream *stream = &r->streams[r->current];
    out->stream = r->current;
    out->is_election = stream->is_election;
    out->dialler = stream->dialler;
    out->acceptor = stream->acceptor;
}

/* "# 0.514 election 2->1 text"; false: a comment on something else. */
static bool read_note(struct pdk_recording *r, struct pdk_slice line, struct pdk_recorded *out)
{
    char head[200], port[16];
    double seconds;
    long long from, to;
    int used = 0;
    head_of(line, head);
    if (sscanf(head, "# %lf %15s %lld->%lld %n", &seconds, port, &from, &to, &used) != 4)
        return false;
    if ((strcmp(port, "election") == 0) != out->is_election) stop(r, "another port");
    out->at_ms = (int64_t)(seconds * 1000 + 0.5);
    out->from_dialler = from == out->dialler;
    if (to != (out->from_dialler ? out->acceptor : out->dialler)) stop(r, "another direction");
    out->note = pdk_slice_of(line.bytes + used, line.len - (size_t)used);
    return true;
}

static int digit(uint8_t c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

static void read_frame(struct pdk_recording *r, struct pdk_slice line, struct pdk_recorded *out)
{
    if (out->note.is_null) stop(r, "a frame without a note");
    if ((line.bytes[0] == '>') != out->from_dialler) stop(r, "another direction");
    pdk_buf_clear(&r->bytes);
    for (size_t i = 2; i + 1 < line.len; i += 2)
        pdk_put_u8(&r->bytes, (uint8_t)(digit(line.bytes[i]) << 4 | digit(line.bytes[i + 1])));
    out->bytes = pdk_buf_slice(&r->bytes);
}

bool pdk_recording_next(struct pdk_recording *r, struct pdk_recorded *out)
{
    struct pdk_slice line;
    *out = (struct pdk_recorded){.note = pdk_slice_null()};
    describe(r, out);
    while (pdk_golden_line(&r->rest, &line)) {
        r->line++;
        if (line.len < 2) stop(r, "an empty line");
        switch (line.bytes[0]) {
        case '@':
            r->current = read_stream(r, line);
            describe(r, out);
            break;
        case '#': (void)read_note(r, line, out); break;
        default:
            out->line = r->line;
            out->closed = line.bytes[0] == '!';
            if (!out->closed) read_frame(r, line, out);
            return true;
        }
    }
    return false;
}
