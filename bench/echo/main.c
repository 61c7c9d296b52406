/* bench-echo: the machine's limit.
 *
 * A bare epoll server that looks at a frame's length, xid and opcode and answers with as many
 * bytes as a ZooKeeper server would that holds 100 bytes in every znode.  It keeps nothing: no
 * tree, no sessions, no order to guard.  What a real server reaches of its throughput is what the
 * machine leaves it.
 *
 * With --log FILE it also does what a durable write cannot do without: everything that changes
 * something is appended (as many bytes as a record of the transaction log) and one fdatasync per
 * turn of the loop covers all that has gathered, before any of it is answered.  The file is
 * preallocated and written with zeros, and used again from its start when it is full: the best
 * case of a disk. */
#include "base/base.h"
#include "base/buf.h"
#include "proto/frame.h"
#include "proto/opcode.h"
#include "proto/password.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 512
#define RECEIVE_BYTES (256u << 10)
#define LOG_FILE_BYTES (64u << 20)
#define LOG_BATCH_BYTES (8u << 20)
#define DATA_LEN 100
#define STAT_LEN 68
/* Of a log record beside path and data: checksum 8, length 4, header 32, two lengths 8, version 4,
 * digest 12, end mark 1. */
#define RECORD_OVERHEAD 69

struct conn {
    int fd;
    bool greeted;    /* its ConnectRequest has been answered */
    bool broken;     /* to be closed at the end of the turn */
    bool wants_room; /* waits for EPOLLOUT */
    uint8_t *in;     /* the beginning of a frame */
    size_t in_len, in_cap;
    struct pdk_buf out;
    size_t out_sent;
};

struct echo {
    int epoll, listener;
    int log; /* -1: none */
    size_t log_at;
    struct pdk_buf log_batch;
    struct conn *turn[EVENTS_MAX]; /* that have something to send */
    size_t turn_count;
    int64_t zxid, next_session;
    uint8_t *receive;
};

static void die(const char *what)
{
    fprintf(stderr, "bench-echo: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- answers ----------------------------------------------------------------------------- */

static void put_zeros(struct pdk_buf *b, size_t len)
{
    uint8_t *p = pdk_buf_add(b, len);
    if (p != NULL) memset(p, 0, len);
}

static void put_header(struct pdk_buf *b, uint32_t xid, int64_t zxid, size_t body_len)
{
    pdk_put_i32(b, (int32_t)(16 + body_len));
    pdk_put_i32(b, (int32_t)xid);
    pdk_put_i64(b, zxid);
    pdk_put_i32(b, 0);
}

static void greet(struct echo *e, struct conn *c, const uint8_t *body, size_t len)
{
    uint8_t password[PDK_PASSWORD_LEN];
    int32_t timeout_ms = len >= 16 ? (int32_t)pdk_load_u32(body + 12) : 30000;
    int64_t session = ++e->next_session;
    pdk_password_of(session, password);
    pdk_put_i32(&c->out, 37);
    pdk_put_i32(&c->out, 0);
    pdk_put_i32(&c->out, timeout_ms);
    pdk_put_i64(&c->out, session);
    pdk_put_bytes(&c->out, pdk_slice_of(password, sizeof password));
    pdk_put_u8(&c->out, 0);
    c->greeted = true;
}

static void log_write(struct echo *e, const uint8_t *body, size_t len)
{
    if (e->log < 0) return;
    e->zxid++;
    size_t record = len - 8 - 12 + RECORD_OVERHEAD; /* header and fixed fields are counted there */
    uint8_t *p = pdk_buf_add(&e->log_batch, record);
    if (p == NULL) die("a batch is too large");
    memset(p, 0x42, record);
    memcpy(p, body, pdk_min_size(len, record));
}

static void answer(struct echo *e, struct conn *c, const uint8_t *body, size_t len)
{
    if (!c->greeted) {
        greet(e, c, body, len);
        return;
    }
    if (len < 8) {
        c->broken = true;
        return;
    }
    uint32_t xid = pdk_load_u32(body), op = pdk_load_u32(body + 4), path_len = 0;
    if (len >= 12) path_len = pdk_load_u32(body + 8);
    if (path_len > len - 8) path_len = 0;
    switch ((int32_t)op) {
    case PDK_OP_GET_DATA:
        put_header(&c->out, xid, e->zxid, 4 + DATA_LEN + STAT_LEN);
        pdk_put_i32(&c->out, DATA_LEN);
        put_zeros(&c->out, DATA_LEN + STAT_LEN);
        break;
    case PDK_OP_SET_DATA:
        if (len >= 20) log_write(e, body, len);
        put_header(&c->out, xid, e->zxid, STAT_LEN);
        put_zeros(&c->out, STAT_LEN);
        break;
    case PDK_OP_CREATE:
        if (len >= 20) log_write(e, body, len);
        put_header(&c->out, xid, e->zxid, 4 + path_len);
        pdk_put_i32(&c->out, (int32_t)path_len);
        pdk_put_raw(&c->out, body + 12, pdk_min_size(path_len, len - 12));
        break;
    case PDK_OP_PING: put_header(&c->out, (uint32_t)PDK_XID_PING, e->zxid, 0); break;
    case PDK_OP_EXISTS:
        put_header(&c->out, xid, e->zxid, STAT_LEN);
        put_zeros(&c->out, STAT_LEN);
        break;
    default: put_header(&c->out, xid, e->zxid, 0); break;
    }
}

/* ---- sockets ----------------------------------------------------------------------------- */

static void watch(struct echo *e, struct conn *c, uint32_t events, int how)
{
    struct epoll_event ev = {.events = events, .data.ptr = c};
    if (epoll_ctl(e->epoll, how, c->fd, &ev) != 0) die("epoll_ctl");
}

static void send_out(struct echo *e, struct conn *c)
{
    while (!c->broken && c->out_sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.bytes + c->out_sent, c->out.len - c->out_sent, MSG_NOSIGNAL);
        if (n > 0) {
            c->out_sent += (size_t)n;
        } else if (errno == EAGAIN) {
            if (!c->wants_room) watch(e, c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            c->wants_room = true;
            return;
        } else {
            c->broken = true;
        }
    }
    if (c->wants_room && !c->broken) watch(e, c, EPOLLIN, EPOLL_CTL_MOD);
    c->wants_room = false;
    c->out_sent = 0;
    pdk_buf_clear(&c->out);
}

/* Answers the whole frames of `bytes`; returns how many bytes they were. */
static size_t take_frames(struct echo *e, struct conn *c, const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    while (!c->broken) {
        struct pdk_slice body;
        size_t used = 0;
        enum pdk_frame_result found =
            pdk_frame_split(bytes + at, len - at, PDK_FRAME_LIMIT_DEFAULT, &body, &used);
        if (found == PDK_FRAME_MORE) break;
        if (found == PDK_FRAME_BAD) {
            c->broken = true;
            break;
        }
        answer(e, c, body.bytes, body.len);
        at += used;
    }
    return at;
}

static void keep(struct conn *c, const uint8_t *bytes, size_t len)
{
    if (c->in_cap < c->in_len + len) {
        c->in_cap = (c->in_len + len) * 2;
        c->in = realloc(c->in, c->in_cap);
        if (c->in == NULL) die("memory");
    }
    if (len > 0) memmove(c->in + c->in_len, bytes, len);
    c->in_len += len;
}

static void receive(struct echo *e, struct conn *c)
{
    ssize_t n = recv(c->fd, e->receive, RECEIVE_BYTES, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        c->broken = true;
        return;
    }
    if (c->in_len == 0) {
        size_t used = take_frames(e, c, e->receive, (size_t)n);
        keep(c, e->receive + used, (size_t)n - used);
        return;
    }
    keep(c, e->receive, (size_t)n);
    size_t used = take_frames(e, c, c->in, c->in_len);
    size_t left = c->in_len - used;
    c->in_len = 0;
    keep(c, c->in + used, left);
}

static void accept_all(struct echo *e)
{
    for (;;) {
        int fd = accept4(e->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct conn *c = calloc(1, sizeof *c);
        if (c == NULL) die("memory");
        c->fd = fd;
        pdk_buf_init(&c->out, pdk_mem_heap(), SIZE_MAX / 2);
        watch(e, c, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static void drop(struct conn *c)
{
    close(c->fd);
    pdk_buf_deinit(&c->out);
    free(c->in);
    free(c);
}

/* ---- the log ----------------------------------------------------------------------------- */

static void log_open(struct echo *e, const char *path)
{
    static const uint8_t zeros[1 << 20];
    e->log = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (e->log < 0) die(path);
    if (posix_fallocate(e->log, 0, LOG_FILE_BYTES) != 0) die("posix_fallocate");
    for (off_t at = 0; at < (off_t)LOG_FILE_BYTES; at += (off_t)sizeof zeros) {
        if (pwrite(e->log, zeros, sizeof zeros, at) != (ssize_t)sizeof zeros) die("pwrite");
    }
    if (fsync(e->log) != 0) die("fsync");
}

static void log_flush(struct echo *e)
{
    if (e->log_batch.len == 0) return;
    if (e->log_at + e->log_batch.len > LOG_FILE_BYTES) e->log_at = 0;
    ssize_t n = pwrite(e->log, e->log_batch.bytes, e->log_batch.len, (off_t)e->log_at);
    if (n != (ssize_t)e->log_batch.len) die("pwrite");
    if (fdatasync(e->log) != 0) die("fdatasync");
    e->log_at += e->log_batch.len;
    pdk_buf_clear(&e->log_batch);
}

/* ---- main -------------------------------------------------------------------------------- */

static void turn(struct echo *e)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(e->epoll, events, EVENTS_MAX, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    e->turn_count = 0;
    for (int i = 0; i < count; i++) {
        struct conn *c = events[i].data.ptr;
        if (c == NULL) {
            accept_all(e);
            continue;
        }
        if (events[i].events & ~(uint32_t)EPOLLOUT) receive(e, c);
        /* Without a log nothing is gained by waiting for the others of this turn. */
        if (e->log < 0) send_out(e, c);
        e->turn[e->turn_count++] = c;
    }
    log_flush(e);
    for (size_t i = 0; i < e->turn_count; i++) {
        struct conn *c = e->turn[i];
        if (e->log >= 0) send_out(e, c);
        if (c->broken) drop(c);
    }
}

static const char usage[] =
    "usage: bench-echo [--port PORT] [--log FILE]\n"
    "\n"
    "Answers ZooKeeper's frames with as many bytes as a server would, and keeps nothing.\n"
    "\n"
    "  --port PORT   where to listen on 127.0.0.1; 0 (the default) takes a free port.\n"
    "                The first line of output names the port.\n"
    "  --log FILE    append every write to FILE and fdatasync once per turn before answering\n"
    "  --help        this text\n";

static int listen_on(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof at;
    int on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        die("listen");
    }
    printf("port %u\n", (unsigned)ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},
        {"log", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static struct echo e = {.log = -1};
    const char *log = NULL;
    long port = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 'p': port = strtol(optarg, NULL, 10); break;
        case 'l': log = optarg; break;
        case 'h': fputs(usage, stdout); return 0;
        default: fputs(usage, stderr); return 2;
        }
    }
    if (optind != argc || port < 0 || port > UINT16_MAX) {
        fputs(usage, stderr);
        return 2;
    }
    e.receive = malloc(RECEIVE_BYTES);
    if (e.receive == NULL) die("memory");
    pdk_buf_init(&e.log_batch, pdk_mem_heap(), LOG_BATCH_BYTES);
    if (log != NULL) log_open(&e, log);
    e.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (e.epoll < 0) die("epoll_create1");
    e.listener = listen_on((uint16_t)port);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(e.epoll, EPOLL_CTL_ADD, e.listener, &ev) != 0) die("epoll_ctl");
    for (;;) turn(&e);
}
