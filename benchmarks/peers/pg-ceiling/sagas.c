// Whole sagas as the engine writes them, with its own statements: a start, steps, and a closing, each a commit of its own
// that it shares with the same of RUNS_PER_COMMIT - 1 others. Rows of as many events and bytes as the engine's; the
// closing changes the status, so visibility and all indexes are written as the engine has them written. What was written
// is counted in the end. Prints sagas per second, and the processor time of both sides to stderr.
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ceiling.h"

enum { POSITIONS = 16, ARRAYS = 21, LATER = 8, RUNNING = 0, COMPLETED = 3, PARTS = 1024 };

// Ids, first event ids, counts, events, statuses, ends, search, attributes; then of starts: ids, counts, events, namespaces,
// workflow ids, workflow types, statuses, start times, ends, parts, earlier runs, search, attributes.
static const uint32_t types[ARRAYS] = {
    2950, 20, 23, 17, 21, 1184, 25, 17, 2950, 23, 17, 25, 25, 25, 21, 1184, 1184, 23, 2950, 25, 17};

struct saga {
    unsigned char id[16];
    int64_t next;
};

struct lane {
    pthread_t thread;
    PGconn *connection;
    uint64_t random;
    int number;
    struct saga *sagas;
    char *array[ARRAYS];
    char *end[ARRAYS];
};

static char *steps, *all;
static int runs_per_commit, groups, workflow_id_length, positions;
static int events[POSITIONS], bytes[POSITIONS];
static int64_t epoch;
static char prefix[40];

static void begin(struct lane *lane) {
    for (int i = 0; i < ARRAYS; i++) {
        // Dimensions, nulls, type, length, lower bound; the length and the nulls are known in the end.
        uint32_t head[5] = {1, 0, types[i], 0, 1};
        lane->end[i] = lane->array[i];
        for (int word = 0; word < 5; word++) lane->end[i] = put32(lane->end[i], head[word]);
    }
}

static void finish(struct lane *lane, int array, int count, bool has_null) {
    put32(lane->array[array] + 4, has_null);
    put32(lane->array[array] + 12, (uint32_t)count);
}

static void put(struct lane *lane, int array, const void *value, int length) {
    lane->end[array] = (char *)memcpy(put32(lane->end[array], (uint32_t)length), value, (size_t)length) + length;
}

static void put_null(struct lane *lane, int array) { lane->end[array] = put32(lane->end[array], UINT32_MAX); }

static void put_events(struct lane *lane, int array, int position) {
    lane->end[array] = put_random(&lane->random, put32(lane->end[array], (uint32_t)bytes[position]), bytes[position]);
}

static void put_int2(struct lane *lane, int array, uint16_t value) {
    value = htobe16(value);
    put(lane, array, &value, 2);
}

static void put_int4(struct lane *lane, int array, uint32_t value) {
    value = htobe32(value);
    put(lane, array, &value, 4);
}

static void put_int8(struct lane *lane, int array, int64_t value) {
    uint64_t swapped = htobe64((uint64_t)value);
    put(lane, array, &swapped, 8);
}

static int64_t timestamp(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (time.tv_sec - 946684800ll) * 1000000 + time.tv_nsec / 1000;
}

static void put_start(struct lane *lane, struct saga *saga, int number) {
    char name[256];
    int length = snprintf(name, sizeof name, "%s-%d-%d", prefix, lane->number, number);
    // As long as the engine's.
    while (length < workflow_id_length && length < 200) name[length++] = 'x';
    make_id(&lane->random, saga->id);
    saga->next = events[0];
    put(lane, 8, saga->id, 16);
    put_int4(lane, 9, (uint32_t)events[0]);
    put_events(lane, 10, 0);
    put(lane, 11, "default", 7);
    put(lane, 12, name, length);
    put(lane, 13, "bench.trip", 10);
    put_int2(lane, 14, RUNNING);
    put_int8(lane, 15, timestamp());
    put_null(lane, 16);
    put_int4(lane, 17, (uint32_t)(draw(&lane->random) % PARTS));
    for (int i = 18; i < ARRAYS; i++) put_null(lane, i);
}

static void put_later(struct lane *lane, struct saga *saga, int position) {
    put(lane, 0, saga->id, 16);
    put_int8(lane, 1, saga->next);
    put_int4(lane, 2, (uint32_t)events[position]);
    put_events(lane, 3, position);
    saga->next += events[position];
    if (position < positions - 1) return;
    put_int2(lane, 4, COMPLETED);
    put_int8(lane, 5, timestamp());
    put_null(lane, 6);
    put_null(lane, 7);
}

// Sends what one commit has, and looks at who has won.
static void commit(struct lane *lane, bool is_start, bool is_closing) {
    bool is_step = !is_start && !is_closing;
    for (int i = 0; i < ARRAYS; i++) {
        bool is_filled = i < LATER ? !is_start : is_start;
        finish(lane, i, is_filled ? runs_per_commit : 0, is_filled && (i == 6 || i == 7 || i == 16 || i >= 18));
    }
    char first[8];
    put64(first, (uint64_t)epoch);
    const char *values[ARRAYS + 1] = {first};
    int lengths[ARRAYS + 1] = {8}, formats[ARRAYS + 1] = {1};
    for (int i = 0; i < ARRAYS; i++) {
        values[i + 1] = lane->array[i];
        lengths[i + 1] = (int)(lane->end[i] - lane->array[i]);
        formats[i + 1] = 1;
    }
    PGresult *result = checked(
        lane->connection,
        PQexecPrepared(lane->connection, is_step ? "steps" : "all", is_step ? 5 : ARRAYS + 1, values, lengths, formats, 1),
        "append");
    int64_t winners;
    memcpy(&winners, PQgetvalue(result, 0, is_start ? 3 : 1), 8);
    if ((int)be64toh((uint64_t)winners) != runs_per_commit) fail(lane->connection, "a run lost");
    PQclear(result);
}

static void *write_lane(void *argument) {
    struct lane *lane = argument;
    for (int group = 0; group < groups; group++) {
        for (int position = 0; position < positions; position++) {
            begin(lane);
            for (int i = 0; i < runs_per_commit; i++) {
                if (position == 0) put_start(lane, &lane->sagas[i], group * runs_per_commit + i);
                else put_later(lane, &lane->sagas[i], position);
            }
            commit(lane, position == 0, position == positions - 1);
        }
    }
    return NULL;
}

static void prepare(struct lane *lane, int number) {
    lane->number = number;
    lane->connection = open_session();
    lane->random = (uint64_t)timestamp() * 2654435761u ^ (uint64_t)(number + 1) * 0x9E3779B97F4A7C15u;
    lane->sagas = calloc(runs_per_commit, sizeof(struct saga));
    int most = 0;
    for (int i = 0; i < positions; i++) most = bytes[i] > most ? bytes[i] : most;
    for (int i = 0; i < ARRAYS; i++) lane->array[i] = malloc((size_t)runs_per_commit * ((size_t)most + 256) + 4096);
    PQclear(checked(lane->connection, PQprepare(lane->connection, "steps", steps, 0, NULL), "prepare steps"));
    PQclear(checked(lane->connection, PQprepare(lane->connection, "all", all, 0, NULL), "prepare all"));
}

// Seconds of processor time that a server's process has had; 0 if it is not of this machine.
static double server_time(PGconn *connection) {
    char name[64];
    unsigned long user = 0, system = 0;
    snprintf(name, sizeof name, "/proc/%d/stat", PQbackendPID(connection));
    FILE *file = fopen(name, "r");
    if (!file) return 0;
    if (fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) user = 0;
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double own_time(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

// Every saga closed, with all its rows and events; nothing else under its name.
static void verify(PGconn *owner, int64_t expected) {
    char sql[900];
    int total = 0;
    for (int i = 0; i < positions; i++) total += events[i];
    snprintf(sql, sizeof sql,
        "SET enable_seqscan = on; SET enable_hashjoin = on; SELECT count(*) FROM visibility v JOIN executions e USING (saga_id)"
        " JOIN (SELECT saga_id, count(*) AS appends, sum(event_count) AS events FROM history GROUP BY saga_id) h USING (saga_id)"
        " WHERE v.workflow_id LIKE '%s-%%' AND v.newest AND v.status = %d AND e.status = %d AND v.closed_at IS NOT NULL"
        " AND e.next_event_id = %d AND h.events = %d AND h.appends = %d",
        prefix, COMPLETED, COMPLETED, total, total, positions);
    int64_t whole = number(owner, sql);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM visibility WHERE workflow_id LIKE '%s-%%'", prefix);
    int64_t found = number(owner, sql);
    if (whole != expected || found != expected) {
        fprintf(stderr, "ceiling: of %lld sagas %lld are there and %lld are whole\n", (long long)expected, (long long)found,
            (long long)whole);
        exit(1);
    }
}

// STEPSFILE ALLFILE RUNS_PER_COMMIT CONNECTIONS SAGAS WORKFLOW_ID_LENGTH EVENTS:BYTES...
int write_sagas(int count, char **arguments) {
    steps = read_file(arguments[0]);
    all = read_file(arguments[1]);
    runs_per_commit = atoi(arguments[2]);
    int connections = atoi(arguments[3]);
    groups = atoi(arguments[4]) / (connections * runs_per_commit);
    workflow_id_length = atoi(arguments[5]);
    if (count - 6 > POSITIONS) return 2;
    for (int i = 6; i < count; i++, positions++) {
        if (sscanf(arguments[i], "%d:%d", &events[positions], &bytes[positions]) != 2) return 2;
    }
    if (groups < 1 || positions < 2) return 2;
    snprintf(prefix, sizeof prefix, "c-%lld", (long long)timestamp());
    PGconn *owner = open_session();
    epoch = number(owner, "UPDATE fence SET epoch = epoch + 1 RETURNING epoch");
    struct lane *lanes = calloc(connections, sizeof(struct lane));
    for (int i = 0; i < connections; i++) prepare(&lanes[i], i);
    execute(owner, "CHECKPOINT");
    double server = 0, own = own_time();
    for (int i = 0; i < connections; i++) server -= server_time(lanes[i].connection);
    int64_t log = number(owner, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn");
    double start = now();
    for (int i = 0; i < connections; i++) pthread_create(&lanes[i].thread, NULL, write_lane, &lanes[i]);
    for (int i = 0; i < connections; i++) pthread_join(lanes[i].thread, NULL);
    double seconds = now() - start;
    own = own_time() - own;
    for (int i = 0; i < connections; i++) server += server_time(lanes[i].connection);
    log = number(owner, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn") - log;
    int64_t sagas = (int64_t)connections * groups * runs_per_commit;
    verify(owner, sagas);
    fprintf(stderr, "a saga: client %.1f us, server %.1f us, %lld bytes of WAL\n", own / sagas * 1e6, server / sagas * 1e6,
        (long long)(log / sagas));
    printf("%.0f\n", sagas / seconds);
    return 0;
}
