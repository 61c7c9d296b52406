/* sim/recording.h - reads recorded conversations of servers (tests/golden/quorum).
 *
 * For tests only: a file that makes no sense stops the process with a sentence. */
#ifndef PDK_SIM_RECORDING_H
#define PDK_SIM_RECORDING_H

#include "base/buf.h"

#define PDK_RECORDING_STREAMS 256

struct pdk_recorded_stream {
    bool known, is_election; /* else a learner port */
    int64_t dialler, acceptor;
};

struct pdk_recording {
    struct pdk_buf text;
    struct pdk_slice rest;
    unsigned line;
    struct pdk_recorded_stream streams[PDK_RECORDING_STREAMS];
    unsigned current;     /* stream */
    struct pdk_buf bytes; /* of the current frame */
};

struct pdk_recorded {
    unsigned line;   /* in the file */
    int64_t at_ms;   /* of a frame: since the step began */
    unsigned stream; /* its number in the folder */
    bool is_election;
    int64_t dialler, acceptor;
    bool closed;            /* the stream closed; else a frame: */
    bool from_dialler;      /* dialler to acceptor */
    struct pdk_slice bytes; /* good until the next one */
    struct pdk_slice note;  /* what it says, without time, port and direction */
};

void pdk_recording_open(struct pdk_recording *r, const char *path);
void pdk_recording_close(struct pdk_recording *r);
/* The next frame or end of a stream; false at the end of the file. */
bool pdk_recording_next(struct pdk_recording *r, struct pdk_recorded *out);

#endif
