/*
 * rpc.h - remote procedure calls: what the stubs that rpcgen makes have in common.
 *
 *      client program           client stub                          server stub             service
 *      calc_add(c, 2, 3, &r) -> marshal, send ---- request ----> receive, unmarshal -> calc_add_serve(x, 2, 3, &r)
 *      r == 5              <--- unmarshal, receive <-- reply ---- marshal, send     <-
 *
 * A call looks like a procedure call and is none: arguments go by value only, the other side may be gone (RPC_GONE), and a reply may
 * never come. A request that was sent is not sent again, so a call is carried out at most once.
 *
 * Requests travel as messages to a process (message.h) or over a Unix socket of type seqpacket. On the wire: little-endian
 * numbers, f64 as its 64 bits, strings and bytes with their length before them; a header of four 32-bit numbers (RPC_MAGIC, service,
 * procedure or status, serial number). Nothing in a message is believed: every length is checked, and what is left over is an error.
 */
#ifndef KEPLER_USER_RPC_H
#define KEPLER_USER_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RPC_MAGIC     0x3143504bu /* "KPC1" */
#define RPC_BYTES_MAX 60000u      /* of one request or reply */

enum {                    /* errors on the way; a service's own are positive */
       RPC_GONE = -1,     /* nobody there, or not any more */
       RPC_TOO_LONG = -2, /* arguments or results do not fit into one message */
       RPC_GARBLED = -3,  /* what came cannot be understood */
       RPC_UNKNOWN = -4,  /* no such service or procedure there */
       RPC_NO_MEMORY = -5,
};

struct rpc_bytes {
    void *data;
    uint32_t count;
};

struct rpc_buffer {
    uint32_t used, at; /* bytes written, bytes read */
    int error;         /* the first RPC_* */
    uint8_t data[RPC_BYTES_MAX];
};

struct rpc_client {
    pid_t process; /* the server, or 0: */
    int socket;    /* a connected one */
    uint32_t serial;
    struct rpc_buffer buffer;
};

/* A client of the server in that process, or at that socket. NULL: no memory; no connection (errno). rpc_close frees it. */
struct rpc_client *rpc_open_process(pid_t process);
struct rpc_client *rpc_open_socket(const char *path);
void rpc_close(struct rpc_client *client);

/* A server stub's procedure: takes its arguments from `in`, puts its results into `out`. 0 or an error. */
typedef int (*rpc_procedure)(void *context, struct rpc_buffer *in, struct rpc_buffer *out);
struct rpc_service {
    uint32_t number, count;
    const rpc_procedure *procedure; /* [0] is number 1 */
};
/* Serve requests, one after the other, until *stop is not 0. 0, or -1 and errno. The socket file must not be there yet. */
int rpc_serve_messages(const struct rpc_service *service, void *context, const volatile int *stop);
int rpc_serve_socket(const struct rpc_service *service, void *context, const volatile int *stop, const char *path);

/* Marshalling, for the stubs. Strings and bytes that come out are allocated; a string may not be NULL. After an error gets give zeros. */
void rpc_put_bool(struct rpc_buffer *buffer, bool value);
void rpc_put_i32(struct rpc_buffer *buffer, int32_t value);
void rpc_put_u32(struct rpc_buffer *buffer, uint32_t value);
void rpc_put_i64(struct rpc_buffer *buffer, int64_t value);
void rpc_put_u64(struct rpc_buffer *buffer, uint64_t value);
void rpc_put_f64(struct rpc_buffer *buffer, double value);
void rpc_put_string(struct rpc_buffer *buffer, const char *text);
void rpc_put_bytes(struct rpc_buffer *buffer, struct rpc_bytes bytes);
bool rpc_get_bool(struct rpc_buffer *buffer);
int32_t rpc_get_i32(struct rpc_buffer *buffer);
uint32_t rpc_get_u32(struct rpc_buffer *buffer);
int64_t rpc_get_i64(struct rpc_buffer *buffer);
uint64_t rpc_get_u64(struct rpc_buffer *buffer);
double rpc_get_f64(struct rpc_buffer *buffer);
char *rpc_get_string(struct rpc_buffer *buffer);
struct rpc_bytes rpc_get_bytes(struct rpc_buffer *buffer);
void rpc_free_string(char *text);
void rpc_free_bytes(struct rpc_bytes bytes);
int rpc_end(const struct rpc_buffer *buffer); /* all was read and nothing is left over: 0, else an error */

/* A call, for client stubs: begin, put the arguments into the buffer, exchange it for the reply, get the results. */
struct rpc_buffer *rpc_begin(struct rpc_client *client, uint32_t service, uint32_t procedure);
int rpc_exchange(struct rpc_client *client); /* 0 or what the server or the way says */

#endif
