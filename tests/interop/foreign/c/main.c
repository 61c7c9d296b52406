/* main.c - libzookeeper_mt, Apache's C client, against a server.  Arguments: see stage.py. */
#include "check.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s DIRECT WIRE CONTROL PLAIN ERA\n", argv[0]);
        return 2;
    }
    place = (struct place){.direct = argv[1],
                           .wire = argv[2],
                           .control = argv[3],
                           .plain = argv[4],
                           .is_38 = strcmp(argv[5], "3.8") == 0};
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    other = client_open(place.direct, CALM_MS);
    mine = client_open(place.direct, CALM_MS);
    operation_checks();
    callback_checks();
    multi_checks();
    watch_checks();
    access_checks();
    session_checks();
    client_close(mine);
    client_close(other);
    return failures() > 0 ? 1 : 0;
}
