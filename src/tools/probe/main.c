/* paddock-probe HOST PORT WORD [false]: asks a server one four-letter word and prints the answer.
 *
 * Behaves as Apache's FourLetterWordMain: sends the word, closes its half, prints every line with a
 * newline (also the last, if the server sent none) and one more newline; gives up after 5 seconds
 * without a byte.  Exit codes: 0 answered (also an empty answer), 1 not reached or too slow, 2 bad
 * arguments. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 5000

/* Readable or writable within the time?  errno says why not. */
static bool ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n = poll(&p, 1, TIMEOUT_MS);
    if (n == 0) errno = ETIMEDOUT;
    return n > 0;
}

/* A connected socket, non-blocking; -1 and errno. */
static int try_connect(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    address->ai_protocol);
    if (fd < 0) return -1;
    int error = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        socklen_t len = sizeof error;
        if (!ready(fd, POLLOUT)) {
            error = errno;
        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
            error = errno;
        }
    }
    if (error == 0) return fd;
    (void)close(fd);
    errno = error;
    return -1;
}

static int connect_to(const char *host, const char *port)
{
    struct addrinfo *list = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int wrong = getaddrinfo(host, port, &hints, &list);
    if (wrong != 0) {
        (void)fprintf(stderr, "paddock-probe: %s:%s: %s\n", host, port, gai_strerror(wrong));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) fd = try_connect(a);
    if (fd < 0) (void)fprintf(stderr, "paddock-probe: %s:%s: %s\n", host, port, strerror(errno));
    freeaddrinfo(list);
    return fd;
}

/* Prints until the server closes; false when it does not go on. */
static bool print_answer(int fd)
{
    char piece[65536], last = '\n';
    for (;;) {
        if (!ready(fd, POLLIN)) return false;
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n < 0) return false;
        if (n == 0) break;
        last = piece[n - 1];
        if (fwrite(piece, 1, (size_t)n, stdout) != (size_t)n) return false;
    }
    if (last != '\n') (void)putchar('\n');
    return putchar('\n') != EOF && fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5) {
        (void)fprintf(stderr, "Usage: paddock-probe <host> <port> <word> [<secure: false>]\n");
        return 2;
    }
    if (argc == 5 && strcmp(argv[4], "false") != 0) {
        (void)fprintf(stderr, "paddock-probe: TLS is not built yet; leave <secure> out\n");
        return 2;
    }
    int fd = connect_to(argv[1], argv[2]);
    if (fd < 0) return 1;
    size_t len = strlen(argv[3]);
    bool good = send(fd, argv[3], len, MSG_NOSIGNAL) == (ssize_t)len &&
                shutdown(fd, SHUT_WR) == 0 && print_answer(fd);
    if (!good)
        (void)fprintf(stderr, "paddock-probe: %s:%s: %s\n", argv[1], argv[2], strerror(errno));
    (void)close(fd);
    return good ? 0 : 1;
}
