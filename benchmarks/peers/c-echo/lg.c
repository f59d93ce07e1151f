// Load generator for Admin.Health over the frame protocol, with the server's CPU time per request from /proc.
//
// usage: lg rpc       PORT PID CA CONNECTIONS DEPTH SECONDS
//        lg idle      PORT PID CA CONNECTIONS
//        lg handshake PORT PID CA SECONDS
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"
#include "saga/v1/admin_messages.pb-c.h"
#include "saga/v1/connection_messages.pb-c.h"

enum { MAX_DEPTH = 64, PAYLOAD = 128 };

typedef struct {
    int fd;
    SSL *ssl;
    uint8_t in[65536];
    size_t in_count;
    uint64_t sent_at[MAX_DEPTH];
    uint32_t oldest, next;
    uint32_t next_stream, expected_stream;
} connection;

static SSL_CTX *context;
static int port, depth = 1;
static uint8_t request[512];
static size_t request_count;
static uint32_t *latencies;
static size_t latency_count, latency_capacity;
static uint64_t answered;
static int measuring;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
    fprintf(stderr, "lg: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

// CPU time of all threads of a process, in nanoseconds.
static uint64_t cpu_ns(int pid) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *folder = opendir(path);
    if (folder == NULL) return 0;
    uint64_t sum = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.32s/schedstat", pid, entry->d_name);
        FILE *file = fopen(path, "r");
        unsigned long long value = 0;
        if (file == NULL) continue;
        if (fscanf(file, "%llu", &value) == 1) sum += value;
        fclose(file);
    }
    closedir(folder);
    return sum;
}

static long rss_kb(int pid) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    long result = 0;
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0) result = atol(line + 6);
    fclose(file);
    return result;
}

static double own_cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// Seconds that all CPUs together were busy.
static double machine_busy(void) {
    FILE *file = fopen("/proc/stat", "r");
    long v[8] = {0};
    if (file == NULL) return 0;
    int got = fscanf(file, "cpu %ld %ld %ld %ld %ld %ld %ld %ld", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7);
    fclose(file);
    return got == 8 ? (double)(v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) / (double)sysconf(_SC_CLK_TCK) : 0;
}

static void make_request(void) {
    static uint8_t payload[PAYLOAD];
    for (int i = 0; i < PAYLOAD; i++) payload[i] = (uint8_t)(i * 7);
    Saga__V1__RequestHeader header = SAGA__V1__REQUEST_HEADER__INIT;
    header.deadline_ms = 5000;
    header.request_id = "6f1d2c3b-4a59-4e87-9c66-0123456789ab";
    Saga__V1__HealthRequest health = SAGA__V1__HEALTH_REQUEST__INIT;
    health.header = &header;
    health.echo.data = payload;
    health.echo.len = PAYLOAD;
    size_t size = saga__v1__health_request__get_packed_size(&health);
    put_header(request, KIND_REQUEST, METHOD_HEALTH, 0, size);
    saga__v1__health_request__pack(&health, request + FRAME_HEADER);
    request_count = FRAME_HEADER + size;
}

static void write_all(connection *c, const uint8_t *bytes, size_t count) {
    for (size_t sent = 0; sent < count;) {
        int n = SSL_write(c->ssl, bytes + sent, (int)(count - sent));
        if (n > 0) {
            sent += (size_t)n;
        } else if (SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_WRITE) {
            die("cannot write");
        }
    }
}

static void send_requests(connection *c, int count) {
    static uint8_t batch[MAX_DEPTH * sizeof request];
    uint64_t now = now_ns();
    for (int i = 0; i < count; i++) {
        uint8_t *frame = batch + (size_t)i * request_count;
        memcpy(frame, request, request_count);
        put32(frame + 8, c->next_stream++);
        c->sent_at[c->next++ % MAX_DEPTH] = now;
    }
    write_all(c, batch, (size_t)count * request_count);
}

static void check(const uint8_t *body, size_t count) {
    Saga__V1__HealthResponse *response = saga__v1__health_response__unpack(NULL, count, body);
    if (response == NULL || response->echo.len != PAYLOAD || response->echo.data[3] != 21) die("a wrong answer");
    saga__v1__health_response__free_unpacked(response, NULL);
}

// Reads what has come; returns how many answers it held.
static int take_answers(connection *c) {
    static int checked;
    int count = 0;
    do {
        int n = SSL_read(c->ssl, c->in + c->in_count, (int)(sizeof c->in - c->in_count));
        if (n <= 0) {
            if (SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ) break;
            die("the server closed the connection");
        }
        c->in_count += (size_t)n;
        size_t used = 0;
        uint64_t now = now_ns();
        while (c->in_count - used >= FRAME_HEADER) {
            const uint8_t *frame = c->in + used;
            uint32_t length = get32(frame);
            if (c->in_count - used < 4 + (size_t)length) break;
            used += 4 + (size_t)length;
            if (frame[4] == KIND_PING || frame[4] == KIND_PONG) continue;
            if (frame[4] != KIND_RESPONSE || get32(frame + 8) != c->expected_stream++) die("an unexpected frame");
            if (checked++ % 1024 == 0) check(frame + FRAME_HEADER, length - 8);
            uint64_t waited = now - c->sent_at[c->oldest++ % MAX_DEPTH];
            if (measuring) {
                if (latency_count < latency_capacity)
                    latencies[latency_count++] = waited > 4000000000ull ? 4000000000u : (uint32_t)waited;
                answered++;
            }
            count++;
        }
        memmove(c->in, c->in + used, c->in_count - used);
        c->in_count -= used;
    } while (SSL_has_pending(c->ssl));
    return count;
}

static void open_connection(connection *c) {
    memset(c, 0, sizeof *c);
    c->next_stream = c->expected_stream = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) die("cannot connect");
    c->ssl = SSL_new(context);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_alpn_protos(c->ssl, (const unsigned char *)"\x06saga/1", 7);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->ssl), "127.0.0.1");
    if (SSL_connect(c->ssl) != 1) die("no handshake");

    Saga__V1__Hello hello = SAGA__V1__HELLO__INIT;
    hello.sdk_name = "lg";
    hello.sdk_version = "1";
    char *token = getenv("SAGA_TOKEN");
    if (token != NULL) hello.token = token;
    uint8_t frame[2048];
    size_t size = saga__v1__hello__get_packed_size(&hello);
    if (size > sizeof frame - FRAME_HEADER) die("the hello is too long");
    put_header(frame, KIND_HELLO, 0, 0, size);
    saga__v1__hello__pack(&hello, frame + FRAME_HEADER);
    write_all(c, frame, FRAME_HEADER + size);
    size_t have = 0;
    while (have < FRAME_HEADER || have < 4 + (size_t)get32(frame)) {
        int n = SSL_read(c->ssl, frame + have, (int)(sizeof frame - have));
        if (n <= 0) die("no welcome");
        have += (size_t)n;
    }
    if (frame[4] != KIND_WELCOME) die("the hello was refused");
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void run_rpc(int pid, int connections, double seconds) {
    latency_capacity = 8000000;
    latencies = calloc(latency_capacity, sizeof *latencies);
    int poller = epoll_create1(0);
    connection *all = calloc((size_t)connections, sizeof *all);
    if (latencies == NULL || all == NULL) die("out of memory");
    for (int i = 0; i < connections; i++) {
        open_connection(&all[i]);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(poller, EPOLL_CTL_ADD, all[i].fd, &event);
    }
    for (int i = 0; i < connections; i++) send_requests(&all[i], depth);
    uint64_t warm = now_ns() + 500000000ull, end = warm + (uint64_t)(seconds * 1e9);
    uint64_t begun = 0, server0 = 0;
    double own0 = 0, busy0 = 0;
    struct epoll_event events[256];
    for (;;) {
        uint64_t now = now_ns();
        if (!measuring && now >= warm) {
            measuring = 1;
            begun = now;
            server0 = cpu_ns(pid);
            own0 = own_cpu();
            busy0 = machine_busy();
        }
        if (now >= end) break;
        int count = epoll_wait(poller, events, 256, 1000);
        for (int i = 0; i < count; i++) {
            connection *c = events[i].data.ptr;
            int taken = take_answers(c);
            if (taken > 0) send_requests(c, taken);
        }
    }
    double elapsed = (double)(now_ns() - begun) / 1e9;
    double server = (double)(cpu_ns(pid) - server0) / 1e9, own = own_cpu() - own0;
    double foreign = machine_busy() - busy0 - own - server;
    if (answered == 0 || latency_count == 0) die("no answers");
    qsort(latencies, latency_count, sizeof *latencies, by_value);
    printf("%dx%d us_per_request=%.3f requests_per_s=%.0f p50_us=%.1f p99_us=%.1f p999_us=%.1f server_cpu=%.0f%% "
           "client_cpu=%.0f%% foreign_cpu=%.0f%% answered=%llu\n",
           connections, depth, server * 1e6 / (double)answered, (double)answered / elapsed,
           latencies[latency_count / 2] / 1e3, latencies[(size_t)((double)latency_count * 0.99)] / 1e3,
           latencies[(size_t)((double)latency_count * 0.999)] / 1e3, 100 * server / elapsed, 100 * own / elapsed,
           100 * foreign / elapsed, (unsigned long long)answered);
}

static void run_idle(int pid, int connections) {
    connection *one = calloc(1, sizeof *one);
    if (one == NULL) die("out of memory");
    long before = rss_kb(pid);
    for (int i = 0; i < connections; i++) {
        open_connection(one); // the sockets stay open, the state is not needed
        send_requests(one, 1);
        while (take_answers(one) == 0) {}
    }
    sleep(2);
    long after = rss_kb(pid);
    printf("idle connections=%d rss_kb_before=%ld rss_kb_after=%ld kb_per_connection=%.1f\n", connections, before,
           after, (double)(after - before) / connections);
}

static void run_handshakes(int pid, double seconds) {
    connection *c = calloc(1, sizeof *c);
    if (c == NULL) die("out of memory");
    uint64_t begun = now_ns(), server0 = cpu_ns(pid), count = 0;
    while ((double)(now_ns() - begun) < seconds * 1e9) {
        open_connection(c);
        send_requests(c, 1);
        while (take_answers(c) == 0) {}
        SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
        struct linger hard = {1, 0};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(c->fd);
        count++;
    }
    double server = (double)(cpu_ns(pid) - server0) / 1e3;
    printf("handshake count=%llu us_per_handshake=%.1f per_core_and_s=%.0f (accept, TLS, hello, one request, close)\n",
           (unsigned long long)count, server / (double)count, 1e6 * (double)count / server);
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: lg rpc|idle|handshake PORT PID CA ...\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    port = atoi(argv[2]);
    int pid = atoi(argv[3]);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    if (SSL_CTX_load_verify_locations(context, argv[4], NULL) != 1) die("cannot read the CA");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(context, 1);
    make_request();
    if (strcmp(argv[1], "rpc") == 0 && argc == 8) {
        depth = atoi(argv[6]);
        if (depth < 1 || depth > MAX_DEPTH) die("a depth is 1 to 64");
        run_rpc(pid, atoi(argv[5]), atof(argv[7]));
    } else if (strcmp(argv[1], "idle") == 0) {
        run_idle(pid, atoi(argv[5]));
    } else if (strcmp(argv[1], "handshake") == 0) {
        run_handshakes(pid, atof(argv[5]));
    } else {
        die("usage: lg rpc|idle|handshake PORT PID CA ...");
    }
    return 0;
}
