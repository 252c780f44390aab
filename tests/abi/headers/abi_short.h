/* A shorter copy of abi.h, standing for an older one: the plugin's table ends after destroy, the host's after
 * respond, call_info after is_system and actor_id. Never edit: plugins in the field do not change either.
 *
 * Caravan plugin ABI: the C boundary between the server and a plugin.
 *
 * NOT FROZEN. While the major version is 0, a minor version may change anything except the rules below; the
 * ABI becomes 1.0 when the plugin platform is complete. C++ plugins use <caravan/plugin.hpp> over this header.
 *
 * The rules
 *  - A plugin exports one data symbol, `caravan_plugin_v1`. The server reads its first twelve bytes from the
 *    file before it runs anything of the plugin; abi_major must equal the server's.
 *  - Structs that start with struct_size only ever grow at the end. The filler sets it to its own sizeof; the
 *    receiver copies at most as much as it knows into a zeroed struct of its own size. A null function pointer,
 *    or one beyond struct_size, means: not offered.
 *  - Strings are pointer and length, UTF-8, not zero-terminated, borrowed for the call. Neither side frees the
 *    other's memory. data may be null where size is 0.
 *  - Every function of either side may be called from several threads at once, except the plugin's create,
 *    enable, disable and destroy, which run on one control thread.
 *  - No exception and no longjmp crosses. In C++ `noexcept` is part of each function's type, so an unguarded
 *    callback does not compile.
 *  - A caravan_call is valid on the thread that it was given to, until the callback returns. Later, or on
 *    another thread, each function answers CARAVAN_E_CALL; the same holds for records and fields of the call.
 */
#ifndef CARAVAN_ABI_H
#define CARAVAN_ABI_H

#include <stddef.h>
#include <stdint.h>

#define CARAVAN_ABI_MAJOR 1
#define CARAVAN_ABI_MINOR 1

#ifdef __cplusplus
#define CARAVAN_NOEXCEPT noexcept
extern "C" {
#else
#define CARAVAN_NOEXCEPT
#endif

#define CARAVAN_EXPORT __attribute__((visibility("default")))

typedef struct caravan_string {
  const char* data;
  size_t size;
} caravan_string;

/* What a function answers, and how a callback ends. Values never change their meaning. */
typedef int32_t caravan_status;
enum {
  CARAVAN_OK = 0,
  /* Refusals and failures that the user's client sees; a callback says why with fail(). */
  CARAVAN_INVALID_ARGUMENT = 1,      /* 400 */
  CARAVAN_UNAUTHENTICATED = 2,       /* 401 */
  CARAVAN_FORBIDDEN = 3,             /* 403 */
  CARAVAN_NOT_FOUND = 4,             /* 404 */
  CARAVAN_CONFLICT = 5,              /* 409 */
  CARAVAN_STALE = 6,                 /* 412 */
  CARAVAN_TOO_LARGE = 7,             /* 413 */
  CARAVAN_INVALID_RECORD = 8,        /* 422 */
  CARAVAN_PRECONDITION_REQUIRED = 9, /* 428 */
  CARAVAN_TOO_MANY_REQUESTS = 10,    /* 429 */
  CARAVAN_UNAVAILABLE = 11,          /* 503 */
  CARAVAN_RETRY = 12,                /* only from the server: the transaction lost a race and will run again; return it */
  CARAVAN_INTERNAL = 13,             /* 500; repeated ones make the server pause the callback */
  /* Misuse of this interface; returned from a callback they count as CARAVAN_INTERNAL. */
  CARAVAN_E_CALL = 100,         /* the call is over, or belongs to another thread */
  CARAVAN_E_HANDLE = 101,       /* no such record or field in this call */
  CARAVAN_E_TYPE = 102,         /* the field holds values of another type */
  CARAVAN_E_READ_ONLY = 103,    /* the record or field may not be set here */
  CARAVAN_E_UNSUPPORTED = 104,  /* not available in this kind of call */
  CARAVAN_E_UNKNOWN_NAME = 105, /* no entity or field of that name */
  CARAVAN_E_ARGUMENT = 106      /* a null pointer, a wrong struct_size, a malformed text */
};

/* Handles are numbers, not pointers: a stale one is recognised. 0 is never valid. */
typedef uint64_t caravan_call;   /* one call of one callback: who acts, in which transaction, since when */
typedef uint64_t caravan_record; /* a record within a call */
typedef uint64_t caravan_field;  /* a resolved field of one entity within a call */

/* ---- values ---- */
enum {
  CARAVAN_NULL = 0,    /* an empty field */
  CARAVAN_TEXT = 1,    /* text; also the name of a choice */
  CARAVAN_INT = 2,     /* integer */
  CARAVAN_BOOL = 3,    /* integer, 0 or 1 */
  CARAVAN_DECIMAL = 4, /* text, `-12000.00`; of money with the currency's code in `currency` */
  CARAVAN_DATE = 5,    /* integer, days since 1970-01-01 */
  CARAVAN_INSTANT = 6, /* integer, microseconds since 1970-01-01T00:00:00Z */
  CARAVAN_REF = 7      /* integer, the id of a record */
};

/* Fixed for good, hence no struct_size. A text that the server hands out lives until that field is set, the
 * record is released or the call ends. */
typedef struct caravan_value {
  uint32_t type;
  char currency[4]; /* three letters and a zero, or zeros */
  union {
    int64_t integer;
    caravan_string text;
  } as;
} caravan_value;

/* ---- what a call is part of ---- */
typedef struct caravan_call_info {
  uint32_t struct_size;
  int32_t is_system;         /* 1: no person acts, but the server itself */
  int64_t actor_id;          /* id of the user's record; 0 for the system */
} caravan_call_info;

/* ---- hooks ---- */
enum {
  CARAVAN_BEFORE_CREATE = 0,
  CARAVAN_AFTER_CREATE = 1,
  CARAVAN_BEFORE_UPDATE = 2,
  CARAVAN_AFTER_UPDATE = 3,
  CARAVAN_BEFORE_DELETE = 4,
  CARAVAN_AFTER_DELETE = 5,
  CARAVAN_BEFORE_TRANSITION = 6,
  CARAVAN_AFTER_TRANSITION = 7
};

typedef struct caravan_hook_event {
  uint32_t struct_size;
  uint32_t point;
  caravan_string entity;
  caravan_record record;     /* may be set in before_create, before_update and before_transition */
  caravan_record before;     /* as stored; 0 on create */
  caravan_string transition; /* its name; empty elsewhere */
} caravan_hook_event;

/* Runs inside the transaction of the write and may run again after a deadlock: no outside effects. A status other
 * than CARAVAN_OK refuses the write. So does a record_create or record_update that failed inside the hook. */
typedef caravan_status (*caravan_hook_fn)(void* user, caravan_call call, const caravan_hook_event* event) CARAVAN_NOEXCEPT;

typedef struct caravan_hook {
  uint32_t struct_size;
  uint32_t point;
  caravan_string entity;     /* e.g. `sales.inquiry` */
  int32_t order;             /* smaller runs earlier; equals in order of plugins by dependency, then of registration */
  int32_t reserved;
  caravan_hook_fn run;
  void* user;
} caravan_hook;

/* ---- routes: /api/v1/plugins/NAME/... ---- */
typedef struct caravan_request {
  uint32_t struct_size;
  uint32_t reserved;
  caravan_string method;     /* GET POST PUT PATCH DELETE */
  caravan_string path;       /* below the plugin, e.g. `/items/7` */
  caravan_string body;
} caravan_request;

/* Answers with respond(); without one the client gets 204. Each record_create and record_update of a route is a
 * transaction of its own. */
typedef caravan_status (*caravan_route_fn)(void* user, caravan_call call, const caravan_request* request) CARAVAN_NOEXCEPT;

typedef struct caravan_route {
  uint32_t struct_size;
  uint32_t reserved;
  caravan_string method;
  caravan_string path;       /* `/pipeline`, `/items/{id}`; a parameter takes one segment */
  caravan_string permission; /* roles name it `NAME.PERMISSION`; empty: every signed-in user */
  caravan_route_fn run;
  void* user;
} caravan_route;

/* ---- lists ---- */
typedef struct caravan_query {
  uint32_t struct_size;
  uint32_t limit;            /* 1 to 200; 0: 50 */
  caravan_string filter;     /* CEL over `record` and `user`; empty: all that the actor may see */
  caravan_string sort;       /* `-created_at,name` */
  caravan_string words;      /* searched in the fields marked for it */
  caravan_string after;      /* `next` of the page before */
} caravan_query;

typedef struct caravan_page {
  uint32_t struct_size;
  uint32_t reserved;
  const caravan_record* records; /* the array lives until the call ends */
  size_t count;
  caravan_string next;           /* empty on the last page; lives until the call ends */
} caravan_page;

enum { CARAVAN_LOG_DEBUG = 0, CARAVAN_LOG_INFO = 1, CARAVAN_LOG_WARNING = 2, CARAVAN_LOG_ERROR = 3 };

/* ---- the server's side; given to create() and valid until destroy() returns ---- */
typedef struct caravan_host {
  uint32_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t reserved;
  void* self; /* first argument of log and extension */

  /* Also outside calls, on any thread. */
  void (*log)(void* self, int32_t level, caravan_string message) CARAVAN_NOEXCEPT;
  /* An optional area by its versioned name, `caravan.search/1`; null where the server has none. 0.1 has none. */
  const void* (*extension)(void* self, caravan_string name) CARAVAN_NOEXCEPT;

  /* Says why the callback is about to return `code`, in the language of the call; returns `code`, so that
   * `return host.fail(...)` is the way to use it. Without effect if the callback then returns CARAVAN_OK. */
  caravan_status (*fail)(caravan_call call, caravan_status code, caravan_string message) CARAVAN_NOEXCEPT;
  /* Adds one field's mistake (`code` is stable, e.g. `invalid`); returns CARAVAN_INVALID_RECORD. */
  caravan_status (*fail_field)(caravan_call call, caravan_string field, caravan_string code,
                               caravan_string message) CARAVAN_NOEXCEPT;
  /* Fills `info` up to its struct_size. */
  caravan_status (*call_info)(caravan_call call, caravan_call_info* info) CARAVAN_NOEXCEPT;
  caravan_status (*has_role)(caravan_call call, caravan_string role, int32_t* out) CARAVAN_NOEXCEPT;

  /* Only in create(). */
  caravan_status (*add_hook)(caravan_call call, const caravan_hook* hook) CARAVAN_NOEXCEPT;
  caravan_status (*add_route)(caravan_call call, const caravan_route* route) CARAVAN_NOEXCEPT;

  /* Records. Every one passes the server's gate with the rights of the call's actor. In hooks they belong to the
   * hook's transaction, except record_list, which sees committed data only. */
  caravan_status (*find_field)(caravan_call call, caravan_string entity, caravan_string field, caravan_field* out) CARAVAN_NOEXCEPT;
  caravan_status (*get)(caravan_call call, caravan_record record, caravan_string field, caravan_value* out) CARAVAN_NOEXCEPT;
  caravan_status (*get_field)(caravan_call call, caravan_record record, caravan_field field, caravan_value* out) CARAVAN_NOEXCEPT;
  caravan_status (*set)(caravan_call call, caravan_record record, caravan_string field, const caravan_value* value) CARAVAN_NOEXCEPT;
  caravan_status (*set_field)(caravan_call call, caravan_record record, caravan_field field,
                              const caravan_value* value) CARAVAN_NOEXCEPT;
  caravan_status (*record_read)(caravan_call call, caravan_string entity, int64_t id, caravan_record* out) CARAVAN_NOEXCEPT;
  caravan_status (*record_list)(caravan_call call, caravan_string entity, const caravan_query* query, caravan_page* out) CARAVAN_NOEXCEPT;
  /* An empty record to be set and then created. */
  caravan_status (*record_new)(caravan_call call, caravan_string entity, caravan_record* out) CARAVAN_NOEXCEPT;
  /* Creates from a record of record_new; the handle then stands for the stored record. */
  caravan_status (*record_create)(caravan_call call, caravan_record record) CARAVAN_NOEXCEPT;
  /* Writes what was set on a record of record_read or record_list; CARAVAN_STALE where another changed it since. */
  caravan_status (*record_update)(caravan_call call, caravan_record record) CARAVAN_NOEXCEPT;
  /* Gives the memory back before the call ends, for long lists. */
  caravan_status (*record_release)(caravan_call call, const caravan_record* records, size_t count) CARAVAN_NOEXCEPT;

  /* Only in routes. Absent ones give an empty string and CARAVAN_NOT_FOUND. */
  caravan_status (*path_parameter)(caravan_call call, caravan_string name, caravan_string* out) CARAVAN_NOEXCEPT;
  caravan_status (*query_parameter)(caravan_call call, caravan_string name, caravan_string* out) CARAVAN_NOEXCEPT;
  /* Credentials (Cookie, Authorization, X-CSRF-Token) are never handed out. */
  caravan_status (*request_header)(caravan_call call, caravan_string name, caravan_string* out) CARAVAN_NOEXCEPT;
  caravan_status (*respond)(caravan_call call, int32_t http_status, caravan_string content_type, caravan_string body) CARAVAN_NOEXCEPT;
} caravan_host;

/* ---- the plugin's side ---- */
typedef struct caravan_plugin {
  uint32_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t reserved;
  /* Makes the plugin's instance and registers hooks and routes with `call`. `host` is to be copied. A status other
   * than CARAVAN_OK refuses the plugin: the server goes on without it and does not call destroy. */
  caravan_status (*create)(const caravan_host* host, caravan_call call, void** instance) CARAVAN_NOEXCEPT;
  void (*destroy)(void* instance) CARAVAN_NOEXCEPT;
} caravan_plugin;

/* What every plugin defines. */
extern CARAVAN_EXPORT const caravan_plugin caravan_plugin_v1;

#ifdef __cplusplus
}
#endif

#endif
