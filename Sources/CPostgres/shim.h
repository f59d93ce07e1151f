#pragma once
#include <libpq-fe.h>
#include <stdint.h>

// What Swift cannot take from libpq-fe.h: a callback that ignores its arguments, and error fields, whose names are
// character constants.

static inline void saga_pq_ignore_notice(void *context, const PGresult *notice) {
    (void)context;
    (void)notice;
}

/// Notices are not for the terminal, where libpq would print them.
static inline void saga_pq_quiet(PGconn *connection) {
    PQsetNoticeReceiver(connection, saga_pq_ignore_notice, (void *)0);
}

/// The five characters of the SQLSTATE, or a null pointer.
static inline const char *saga_pq_sqlstate(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_SQLSTATE);
}

/// "ERROR", or "FATAL" or "PANIC" if the session ends; in English whatever the server speaks.
static inline const char *saga_pq_severity(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
}

/// The message without detail, hint and context.
static inline const char *saga_pq_message(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
}

/// What the message is about, in more words; may be a null pointer.
static inline const char *saga_pq_detail(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
}
