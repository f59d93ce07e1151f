// What PostgreSQL can do on this machine when its client does nearly nothing: the same schema, the same statement and as
// many bytes as the engine's store, with random bytes for events. One line of results: events per second.
//
//   ceiling append ADDRESS SCHEMA SQLFILE EVENTS_PER_COMMIT EVENTS_PER_RUN BYTES_PER_RUN CONNECTIONS COMMITS
//   ceiling sagas  ADDRESS SCHEMA STEPSFILE ALLFILE RUNS_PER_COMMIT CONNECTIONS SAGAS WORKFLOW_ID_LENGTH EVENTS:BYTES...
//   ceiling read   ADDRESS SCHEMA SAGA_ID TIMES
//   ceiling checkpoint ADDRESS SCHEMA
//   ceiling value  ADDRESS SCHEMA SQL
//
// SQLFILE holds the append statement; its parameters are the epoch (int8) and arrays: ids, first event ids, counts, events.
// Every run has a row in executions before it begins, and EVENTS_PER_COMMIT / EVENTS_PER_RUN runs share a commit.
// sagas: sagas.c.
#include "ceiling.h"

enum { RUNS = 8192 };

struct run {
    unsigned char id[16];
    int64_t next;
};

struct writer {
    pthread_t thread;
    PGconn *connection;
    uint64_t random;
    struct run *runs;
    int cursor;
    char *array[4];
    int length[4];
    long committed;
};

static char *statement;
static int runs_per_commit, events_per_run, bytes_per_run, commits;
static int64_t epoch;

static void fill(struct writer *writer) {
    static const uint32_t types[4] = {2950, 20, 23, 17};
    char *at[4];
    for (int i = 0; i < 4; i++) {
        at[i] = writer->array[i];
        uint32_t head[5] = {1, 0, types[i], (uint32_t)runs_per_commit, 1};
        for (int word = 0; word < 5; word++) at[i] = put32(at[i], head[word]);
    }
    for (int i = 0; i < runs_per_commit; i++) {
        struct run *run = &writer->runs[writer->cursor];
        writer->cursor = (writer->cursor + 1) % RUNS;
        at[0] = (char *)memcpy(put32(at[0], 16), run->id, 16) + 16;
        at[1] = put64(put32(at[1], 8), (uint64_t)run->next);
        at[2] = put32(put32(at[2], 4), (uint32_t)events_per_run);
        at[3] = put32(at[3], (uint32_t)bytes_per_run);
        at[3] = put_random(&writer->random, at[3], bytes_per_run);
        run->next += events_per_run;
    }
    for (int i = 0; i < 4; i++) writer->length[i] = (int)(at[i] - writer->array[i]);
}

static void *write_commits(void *argument) {
    struct writer *writer = argument;
    char number[8];
    put64(number, (uint64_t)epoch);
    for (int i = 0; i < commits; i++) {
        fill(writer);
        const char *values[5] = {number, writer->array[0], writer->array[1], writer->array[2], writer->array[3]};
        int lengths[5] = {8, writer->length[0], writer->length[1], writer->length[2], writer->length[3]};
        static const int formats[5] = {1, 1, 1, 1, 1};
        PGresult *result = checked(
            writer->connection, PQexecPrepared(writer->connection, "append", 5, values, lengths, formats, 1), "append");
        int64_t winners;
        memcpy(&winners, PQgetvalue(result, 0, 1), 8);
        if ((int)be64toh((uint64_t)winners) != runs_per_commit) fail(writer->connection, "a run lost");
        PQclear(result);
        writer->committed += runs_per_commit * events_per_run;
    }
    return NULL;
}

static void prepare(struct writer *writer, int number) {
    writer->connection = open_session();
    writer->random = (uint64_t)time(NULL) * 2654435761u ^ (uint64_t)(number + 1) * 0x9E3779B97F4A7C15u;
    writer->runs = calloc(RUNS, sizeof(struct run));
    for (int i = 0; i < 4; i++) writer->array[i] = malloc((size_t)runs_per_commit * (bytes_per_run + 64) + 4096);
    PGresult *result = PQexec(writer->connection, "COPY executions (saga_id, next_event_id, part, status) FROM STDIN");
    if (PQresultStatus(result) != PGRES_COPY_IN) fail(writer->connection, "copy");
    PQclear(result);
    for (int i = 0; i < RUNS; i++) {
        char line[80], *at = line;
        make_id(&writer->random, writer->runs[i].id);
        writer->runs[i].next = 1;
        for (int byte = 0; byte < 16; byte++) at += sprintf(at, "%02x", writer->runs[i].id[byte]);
        at += sprintf(at, "\t1\t0\t0\n");
        if (PQputCopyData(writer->connection, line, (int)(at - line)) != 1) fail(writer->connection, "copy");
    }
    if (PQputCopyEnd(writer->connection, NULL) != 1) fail(writer->connection, "copy");
    while ((result = PQgetResult(writer->connection))) PQclear(checked(writer->connection, result, "copy"));
    PQclear(checked(writer->connection, PQprepare(writer->connection, "append", statement, 0, NULL), "prepare"));
}

static int append(char **arguments) {
    statement = read_file(arguments[0]);
    events_per_run = atoi(arguments[2]);
    runs_per_commit = atoi(arguments[1]) / events_per_run;
    bytes_per_run = atoi(arguments[3]);
    int connections = atoi(arguments[4]);
    commits = atoi(arguments[5]);
    PGconn *owner = open_session();
    epoch = number(owner, "UPDATE fence SET epoch = epoch + 1 RETURNING epoch");
    struct writer *writers = calloc(connections, sizeof(struct writer));
    for (int i = 0; i < connections; i++) prepare(&writers[i], i);
    execute(owner, "CHECKPOINT");
    double start = now();
    for (int i = 0; i < connections; i++) pthread_create(&writers[i].thread, NULL, write_commits, &writers[i]);
    long events = 0;
    for (int i = 0; i < connections; i++) {
        pthread_join(writers[i].thread, NULL);
        events += writers[i].committed;
    }
    printf("%.0f\n", events / (now() - start));
    return 0;
}

static int read_history(char **arguments) {
    PGconn *connection = open_session();
    const char *sql = "SELECT first_event_id, event_count, events FROM history WHERE saga_id = $1 ORDER BY first_event_id";
    PQclear(checked(connection, PQprepare(connection, "read", sql, 0, NULL), "prepare"));
    const char *values[1] = {arguments[0]};
    long events = 0, sum = 0;
    int times = atoi(arguments[1]);
    double start = now();
    for (int i = 0; i < times; i++) {
        PGresult *result = checked(connection, PQexecPrepared(connection, "read", 1, values, NULL, NULL, 1), "read");
        for (int row = 0; row < PQntuples(result); row++) {
            uint32_t count;
            memcpy(&count, PQgetvalue(result, row, 1), 4);
            events += be32toh(count);
            const char *bytes = PQgetvalue(result, row, 2);
            for (int at = 0; at < PQgetlength(result, row, 2); at += 64) sum += bytes[at];
        }
        PQclear(result);
    }
    double seconds = now() - start;
    fprintf(stderr, "sum %ld\n", sum);
    printf("%.0f\n", events / seconds);
    return 0;
}

int main(int count, char **arguments) {
    if (count < 4) return 2;
    address = arguments[2];
    schema = arguments[3];
    if (!strcmp(arguments[1], "checkpoint")) {
        execute(open_session(), "CHECKPOINT");
        printf("0\n");
        return 0;
    }
    if (!strcmp(arguments[1], "value") && count == 5) {
        PGconn *connection = open_session();
        PGresult *result = checked(connection, PQexec(connection, arguments[4]), arguments[4]);
        printf("%s\n", PQgetvalue(result, 0, 0));
        return 0;
    }
    if (!strcmp(arguments[1], "append") && count == 10) return append(arguments + 4);
    if (!strcmp(arguments[1], "sagas") && count > 10) return write_sagas(count - 4, arguments + 4);
    if (!strcmp(arguments[1], "read") && count == 6) return read_history(arguments + 4);
    return 2;
}
