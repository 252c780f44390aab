/** @file
 * Caravan plugin ABI: the C boundary between the server and a plugin.
 *
 * FROZEN as 1.0: a plugin that was built with any header of version 1 loads in every later server of version 1. New parts only
 * come at the end of structs and as new areas, with a higher minor version. C++ plugins use <caravan/plugin.hpp> over this header.
 *
 * The rules
 *  - A plugin exports one data symbol, `caravan_plugin_v1`. The server reads its first twelve bytes from the
 *    file before it runs anything of the plugin; abi_major must equal the server's.
 *  - Structs that start with struct_size only ever grow at the end. The filler sets it to its own sizeof; the
 *    receiver copies at most as much as it knows into a zeroed struct of its own size. A null function pointer,
 *    or one beyond struct_size, means: not offered. `reserved` members are 0.
 *  - Structs without struct_size (strings, values) never change, nor does what a number stands for; new numbers may come.
 *  - Strings are pointer and length, UTF-8, not zero-terminated, borrowed for the call. Neither side frees the
 *    other's memory. data may be null where size is 0.
 *  - Every function of either side may be called from several threads at once, except the plugin's create,
 *    enable, disable and destroy, which run on one control thread.
 *  - No exception and no longjmp crosses. In C++ `noexcept` is part of each function's type, so an unguarded
 *    callback does not compile.
 *  - A caravan_call is valid on the thread that it was given to, until the callback returns. Later, or on
 *    another thread, each function answers CARAVAN_E_CALL; the same holds for records and fields of the call.
 *  - Callbacks are short. One that does not return for long is taken for hung, and the server starts anew without
 *    the plugin.
 *
 * Lifecycle: each function and struct says since which version it is there. What is not marked as deprecated is stable: it keeps its
 * meaning for as long as the major version stays. Deprecated parts keep working until the next major version.
 */
#ifndef CARAVAN_ABI_H
#define CARAVAN_ABI_H

#include <stddef.h>
#include <stdint.h>

/** Another major version is another ABI. @since 1.0 */
#define CARAVAN_ABI_MAJOR 1
/** What was added; see the notes on each part. @since 1.0 */
#define CARAVAN_ABI_MINOR 0

#ifdef __cplusplus
#define CARAVAN_NOEXCEPT noexcept
extern "C" {
#else
#define CARAVAN_NOEXCEPT
#endif

#define CARAVAN_EXPORT __attribute__((visibility("default")))

/** Bytes in UTF-8; not zero-terminated. @since 1.0 */
typedef struct caravan_string {
  const char* data;
  size_t size;
} caravan_string;

/** What a function answers, and how a callback ends: one of the numbers that follow. @since 1.0 */
typedef int32_t caravan_status;
enum {
  CARAVAN_OK = 0,
  /** Refusals and failures that the user's client sees; a callback says why with fail(). */
  CARAVAN_INVALID_ARGUMENT = 1,      /**< 400 */
  CARAVAN_UNAUTHENTICATED = 2,       /**< 401 */
  CARAVAN_FORBIDDEN = 3,             /**< 403 */
  CARAVAN_NOT_FOUND = 4,             /**< 404 */
  CARAVAN_CONFLICT = 5,              /**< 409 */
  CARAVAN_STALE = 6,                 /**< 412 */
  CARAVAN_TOO_LARGE = 7,             /**< 413 */
  CARAVAN_INVALID_RECORD = 8,        /**< 422 */
  CARAVAN_PRECONDITION_REQUIRED = 9, /**< 428 */
  CARAVAN_TOO_MANY_REQUESTS = 10,    /**< 429 */
  CARAVAN_UNAVAILABLE = 11,          /**< 503 */
  CARAVAN_RETRY = 12,                /**< only from the server: the transaction lost a race and will run again; return it */
  CARAVAN_INTERNAL = 13,             /**< 500; repeated ones make the server pause the callback */
  /** Misuse of this interface; returned from a callback they count as CARAVAN_INTERNAL. */
  CARAVAN_E_CALL = 100,         /**< the call is over, or belongs to another thread */
  CARAVAN_E_HANDLE = 101,       /**< no such record or field in this call */
  CARAVAN_E_TYPE = 102,         /**< the field holds values of another type */
  CARAVAN_E_READ_ONLY = 103,    /**< the record or field may not be set here */
  CARAVAN_E_UNSUPPORTED = 104,  /**< not available in this kind of call */
  CARAVAN_E_UNKNOWN_NAME = 105, /**< no entity, field or setting of that name */
  CARAVAN_E_ARGUMENT = 106      /**< a null pointer, a wrong struct_size, a malformed text */
};

/* Handles are numbers, not pointers: a stale one is recognised. 0 is never valid. Since 1.0. */
typedef uint64_t caravan_call;   /**< one call of one callback: who acts, in which transaction, since when */
typedef uint64_t caravan_record; /**< a record within a call */
typedef uint64_t caravan_field;  /**< a resolved field of one entity within a call */

/* ---- values ---- */
/** Types of a value. @since 1.0 */
enum {
  CARAVAN_NULL = 0,    /**< an empty field */
  CARAVAN_TEXT = 1,    /**< text; also the name of a choice */
  CARAVAN_INT = 2,     /**< integer */
  CARAVAN_BOOL = 3,    /**< integer, 0 or 1 */
  CARAVAN_DECIMAL = 4, /**< text, `-12000.00`; of money with the currency's code in `currency` */
  CARAVAN_DATE = 5,    /**< integer, days since 1970-01-01 */
  CARAVAN_INSTANT = 6, /**< integer, microseconds since 1970-01-01T00:00:00Z */
  CARAVAN_REF = 7,     /**< integer, the id of a record */
  CARAVAN_JSON = 8     /**< text, a JSON document */
};

/** Fixed for good, hence no struct_size. A text that the server hands out lives until that field is set, the
 * record is released or the call ends. @since 1.0 */
typedef struct caravan_value {
  uint32_t type;
  char currency[4]; /**< three letters and a zero, or zeros */
  union {
    int64_t integer;
    caravan_string text;
  } as;
} caravan_value;

/** A value with a name, e.g. an argument. Fixed for good. @since 1.0 */
typedef struct caravan_named_value {
  caravan_string name;
  caravan_value value;
} caravan_named_value;

/* ---- what a call is part of ---- */
/** Who acts, and when. @since 1.0 */
typedef struct caravan_call_info {
  uint32_t struct_size;
  int32_t is_system;         /**< 1: no person acts, but the server itself */
  int64_t actor_id;          /**< id of the user's record; 0 for the system */
  caravan_string username;
  caravan_string actor_name;
  caravan_string locale;     /**< language of messages, e.g. zh-CN */
  caravan_string request_id;
  caravan_string source;     /**< api, import, cli, plugin NAME */
  int64_t now_micros;        /**< the moment of the request; the same throughout */
} caravan_call_info;

/* ---- hooks ---- */
/** When a hook runs. @since 1.0 */
enum {
  CARAVAN_BEFORE_CREATE = 0,
  CARAVAN_AFTER_CREATE = 1,
  CARAVAN_BEFORE_UPDATE = 2,
  CARAVAN_AFTER_UPDATE = 3,
  CARAVAN_BEFORE_DELETE = 4,
  CARAVAN_AFTER_DELETE = 5,
  CARAVAN_BEFORE_TRANSITION = 6,
  CARAVAN_AFTER_TRANSITION = 7,
  /** After every change of a record, from the server's durable queue: not inside the change's transaction, at
   * least once, with the event's id. The events of one record come in the order of their versions. */
  CARAVAN_AFTER_COMMIT = 8,
  /** An effect `call: PLUGIN.ACTION` of a definition names the hook's `action`: it runs inside the transaction of the
   * rule, after what the rule changed before it, with the system's rights where the rule has them. What it writes belongs to that
   * transaction. */
  CARAVAN_ACTION = 9
};

/** What a hook is told. @since 1.0 */
typedef struct caravan_hook_event {
  uint32_t struct_size;
  uint32_t point;
  caravan_string entity;
  caravan_record record;     /**< may be set in before_create, before_update and before_transition */
  caravan_record before;     /**< as stored; 0 on create */
  caravan_string transition; /**< its name; empty elsewhere */
  /** Only of after_commit, else zeros. `record` is then as it is now, or as it was where it has been deleted
   * (what its history still says), and `before` is 0. */
  int64_t event_id;          /**< stable: the same each time this event is delivered; an idempotency key for the outside */
  int64_t version;           /**< the record's version that the change made */
  caravan_string action;     /**< create, update, delete, restore, transition:NAME, event:NAME ...; of CARAVAN_ACTION its name */
  caravan_string changes;    /**< JSON: field -> [old, new], as in the record's timeline */
  int64_t caused_by;         /**< id of the user's record; 0: the system */
  caravan_string caused_by_name;
  /** Of CARAVAN_ACTION what the definition hands over, a JSON object. */
  caravan_string payload;
} caravan_hook_event;

/** after_commit: the call acts with the server's own rights. No transaction is open until the hook first writes; from then on all that it writes is one transaction, together with the note that the event was delivered: it happens
 * exactly once. Talk to the outside before that. A status other than CARAVAN_OK undoes what the hook wrote and lets the
 * event be delivered again later, with growing pauses; after twelve times it is left to an administrator.
 *
 * The other points: runs inside the transaction of the write and may run again after a deadlock: no outside effects. A status other
 * than CARAVAN_OK refuses the write. So does a write of a record that failed inside the hook. @since 1.0 */
typedef caravan_status (*caravan_hook_fn)(void* user, caravan_call call, const caravan_hook_event* event) CARAVAN_NOEXCEPT;

/** A hook to be registered. @since 1.0 */
typedef struct caravan_hook {
  uint32_t struct_size;
  uint32_t point;
  caravan_string entity;     /**< e.g. `sales.inquiry` */
  int32_t order;             /**< smaller runs earlier; equals in order of plugins by dependency, then of registration */
  int32_t reserved;
  caravan_hook_fn run;
  void* user;
  caravan_string action;     /**< of CARAVAN_ACTION its name, without the plugin's; empty elsewhere */
} caravan_hook;

/* ---- routes: /api/v1/plugins/NAME/... ---- */
/** A request to one of the plugin's routes. @since 1.0 */
typedef struct caravan_request {
  uint32_t struct_size;
  uint32_t reserved;
  caravan_string method;     /**< GET POST PUT PATCH DELETE */
  caravan_string path;       /**< below the plugin, e.g. `/items/7` */
  caravan_string body;
} caravan_request;

/** Answers with respond(); without one the client gets 204. Each record_create and record_update of a route is a
 * transaction of its own. @since 1.0 */
typedef caravan_status (*caravan_route_fn)(void* user, caravan_call call, const caravan_request* request) CARAVAN_NOEXCEPT;

/** A route to be registered. @since 1.0 */
typedef struct caravan_route {
  uint32_t struct_size;
  uint32_t reserved;
  caravan_string method;
  caravan_string path;       /**< `/pipeline`, `/items/{id}`; a parameter takes one segment */
  caravan_string permission; /**< roles name it `NAME.PERMISSION`; empty: every signed-in user */
  caravan_route_fn run;
  void* user;
} caravan_route;

/** What transact() runs. @since 1.0 */
typedef caravan_status (*caravan_work_fn)(void* user, caravan_call inner) CARAVAN_NOEXCEPT;

/* ---- jobs: work that outlives the call ---- */
/** What a job is told. @since 1.0 */
typedef struct caravan_job_event {
  uint32_t struct_size;
  int32_t attempt;           /**< counts from 1 */
  int32_t max_attempts;
  int32_t reserved;
  caravan_string name;
  caravan_string payload;    /**< as given to enqueue() */
  caravan_string key;        /**< the same for every attempt of this job: an idempotency key for the outside */
  int64_t caused_by;         /**< id of the user's record; 0: the system */
  int64_t created_micros;    /**< when it was enqueued */
} caravan_job_event;

/** Runs on a worker's thread, with the server's own rights; at least once. No transaction is open until the job first creates,
 * changes or deletes a record, or enqueues a job; from then on all of it is one transaction, together with the job's end: it happens
 * exactly once. Talk to the outside before that. A status other than CARAVAN_OK undoes what was written and lets the job be
 * tried again later, with growing pauses; after max_attempts, or CARAVAN_INVALID_ARGUMENT, it is left to an administrator. @since 1.0 */
typedef caravan_status (*caravan_job_fn)(void* user, caravan_call call, const caravan_job_event* job) CARAVAN_NOEXCEPT;

/** A job to be registered. @since 1.0 */
typedef struct caravan_job {
  uint32_t struct_size;
  uint32_t reserved;
  caravan_string name;       /**< a-z, 0-9, _ */
  caravan_job_fn run;
  void* user;
} caravan_job;

/** A job to be added. @since 1.0 */
typedef struct caravan_new_job {
  uint32_t struct_size;
  int32_t max_attempts;      /**< 1 to 100; 0: 12 */
  caravan_string name;       /**< of a job that this plugin has added */
  caravan_string payload;    /**< at most 1 MiB; what it holds is the plugin's affair */
  int64_t delay_micros;      /**< not before so long from now; 0: at once */
  caravan_string unique;     /**< while a job of this name waits with the same text, another is not added; may be empty */
} caravan_new_job;

/* ---- lists ---- */
/** What is asked for in a list. @since 1.0 */
typedef struct caravan_query {
  uint32_t struct_size;
  uint32_t limit;            /**< 1 to 200; 0: 50 */
  caravan_string filter;     /**< CEL over `record` and `user`; empty: all that the actor may see */
  caravan_string sort;       /**< `-created_at,name` */
  caravan_string words;      /**< searched in the fields marked for it */
  caravan_string after;      /**< `next` of the page before */
} caravan_query;

/** A page of a list. @since 1.0 */
typedef struct caravan_page {
  uint32_t struct_size;
  uint32_t reserved;
  const caravan_record* records; /**< the array lives until the call ends */
  size_t count;
  caravan_string next;           /**< empty on the last page; lives until the call ends */
} caravan_page;

/** Levels of log(). @since 1.0 */
enum { CARAVAN_LOG_DEBUG = 0, CARAVAN_LOG_INFO = 1, CARAVAN_LOG_WARNING = 2, CARAVAN_LOG_ERROR = 3 };

/* ---- the server's side; given to create() and valid until destroy() returns ---- */
/** What the server offers. Every function may be called on any thread that has a valid call, unless it says otherwise; none takes longer than
 * its work in the database. @since 1.0 */
typedef struct caravan_host {
  uint32_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t reserved;
  void* self; /**< first argument of log and extension */

  /** Also outside calls, on any thread. @since 1.0 */
  void (*log)(void* self, int32_t level, caravan_string message) CARAVAN_NOEXCEPT;
  /** An optional area by its versioned name, see below; null where the server has none of that name. What it points to is
   * valid as long as the host. @since 1.0 */
  const void* (*extension)(void* self, caravan_string name) CARAVAN_NOEXCEPT;

  /** Says why the callback is about to return `code`, in the language of the call; returns `code`, so that
   * `return host.fail(...)` is the way to use it. Without effect if the callback then returns CARAVAN_OK. @since 1.0 */
  caravan_status (*fail)(caravan_call call, caravan_status code, caravan_string message) CARAVAN_NOEXCEPT;
  /** Adds one field's mistake (`code` is stable, e.g. `invalid`); returns CARAVAN_INVALID_RECORD. @since 1.0 */
  caravan_status (*fail_field)(caravan_call call, caravan_string field, caravan_string code,
                               caravan_string message) CARAVAN_NOEXCEPT;
  /** Fills `info` up to its struct_size. @since 1.0 */
  caravan_status (*call_info)(caravan_call call, caravan_call_info* info) CARAVAN_NOEXCEPT;
  /** Whether a role of this name counts for the actor; `out` is 0 or 1. @since 1.0 */
  caravan_status (*has_role)(caravan_call call, caravan_string role, int32_t* out) CARAVAN_NOEXCEPT;

  /** Only in create(). @since 1.0 */
  caravan_status (*add_hook)(caravan_call call, const caravan_hook* hook) CARAVAN_NOEXCEPT;
  /** Only in create(). CARAVAN_CONFLICT where the same requests match another one. @since 1.0 */
  caravan_status (*add_route)(caravan_call call, const caravan_route* route) CARAVAN_NOEXCEPT;

  /* Records. Every one passes the server's gate with the rights of the call's actor. In hooks and jobs they belong to the
   * transaction, except record_list, which sees committed data only. */

  /** Resolves a field once, for get_field and set_field in loops; valid within the call. @since 1.0 */
  caravan_status (*find_field)(caravan_call call, caravan_string entity, caravan_string field, caravan_field* out) CARAVAN_NOEXCEPT;
  /** A field's value; CARAVAN_NULL where it is empty, or the actor may not read it. @since 1.0 */
  caravan_status (*get)(caravan_call call, caravan_record record, caravan_string field, caravan_value* out) CARAVAN_NOEXCEPT;
  /** The same by a field of find_field. @since 1.0 */
  caravan_status (*get_field)(caravan_call call, caravan_record record, caravan_field field, caravan_value* out) CARAVAN_NOEXCEPT;
  /** Sets a field in memory; its own rules (length, range, choices) are checked at once. `value` is copied. @since 1.0 */
  caravan_status (*set)(caravan_call call, caravan_record record, caravan_string field, const caravan_value* value) CARAVAN_NOEXCEPT;
  /** The same by a field of find_field. @since 1.0 */
  caravan_status (*set_field)(caravan_call call, caravan_record record, caravan_field field,
                              const caravan_value* value) CARAVAN_NOEXCEPT;
  /** One record by its id; CARAVAN_NOT_FOUND where there is none that the actor may see. @since 1.0 */
  caravan_status (*record_read)(caravan_call call, caravan_string entity, int64_t id, caravan_record* out) CARAVAN_NOEXCEPT;
  /** A page of records; `query` may be null: the first fifty. @since 1.0 */
  caravan_status (*record_list)(caravan_call call, caravan_string entity, const caravan_query* query, caravan_page* out) CARAVAN_NOEXCEPT;
  /** An empty record to be set and then created. @since 1.0 */
  caravan_status (*record_new)(caravan_call call, caravan_string entity, caravan_record* out) CARAVAN_NOEXCEPT;
  /** Creates from a record of record_new; the handle then stands for the stored record. @since 1.0 */
  caravan_status (*record_create)(caravan_call call, caravan_record record) CARAVAN_NOEXCEPT;
  /** Writes what was set on a record of record_read or record_list; CARAVAN_STALE where another changed it since. @since 1.0 */
  caravan_status (*record_update)(caravan_call call, caravan_record record) CARAVAN_NOEXCEPT;
  /** Gives the memory back before the call ends, for long lists. @since 1.0 */
  caravan_status (*record_release)(caravan_call call, const caravan_record* records, size_t count) CARAVAN_NOEXCEPT;

  /** Only in routes, as the four after it. An absent one gives an empty string and CARAVAN_NOT_FOUND. @since 1.0 */
  caravan_status (*path_parameter)(caravan_call call, caravan_string name, caravan_string* out) CARAVAN_NOEXCEPT;
  /** A parameter of the address, decoded. @since 1.0 */
  caravan_status (*query_parameter)(caravan_call call, caravan_string name, caravan_string* out) CARAVAN_NOEXCEPT;
  /** A header of the request, by its name in any case. Credentials (Cookie, Authorization, X-CSRF-Token) are never handed out. @since 1.0 */
  caravan_status (*request_header)(caravan_call call, caravan_string name, caravan_string* out) CARAVAN_NOEXCEPT;
  /** The answer; the last one counts. `body` is copied, at most 64 MiB. @since 1.0 */
  caravan_status (*respond)(caravan_call call, int32_t http_status, caravan_string content_type, caravan_string body) CARAVAN_NOEXCEPT;
  /** A header of the answer. Those of the session and of the connection are the server's: CARAVAN_E_READ_ONLY. @since 1.0 */
  caravan_status (*respond_header)(caravan_call call, caravan_string name, caravan_string value) CARAVAN_NOEXCEPT;

  /** The value of a setting by `MODULE.NAME`, as the definitions in use have it: text (also of a choice), int, bool,
   * decimal or date; null where it is empty. CARAVAN_E_UNKNOWN_NAME where there is none of that name. @since 1.0 */
  caravan_status (*setting)(caravan_call call, caravan_string name, caravan_value* out) CARAVAN_NOEXCEPT;

  /** Deletes a record of record_read or record_list; CARAVAN_STALE where another changed it since. The handle then shows
   * what was there. @since 1.0 */
  caravan_status (*record_delete)(caravan_call call, caravan_record record) CARAVAN_NOEXCEPT;
  /** Takes a step of the record's workflow, with what was set on it as the fields of the step's form. CARAVAN_FORBIDDEN where the actor
   * may not, CARAVAN_CONFLICT where the record's state has no such step or the step needs approval. @since 1.0 */
  caravan_status (*record_transition)(caravan_call call, caravan_record record, caravan_string transition,
                                      caravan_string note) CARAVAN_NOEXCEPT;
  /** Tells that something happened to a record of record_read or record_list, by a name of its entity's `events`: it is in the
   * record's history with the note, automations `on: ENTITY.event.NAME` follow, and after_commit hooks with the action `event:NAME`.
   * CARAVAN_E_UNKNOWN_NAME where the entity has no such event. The actor must be allowed to change the record. @since 1.0 */
  caravan_status (*record_publish)(caravan_call call, caravan_record record, caravan_string event,
                                   caravan_string note) CARAVAN_NOEXCEPT;
  /** Only in routes: what `work` does with `inner` is one transaction. It may run again after a deadlock. A status other than
   * CARAVAN_OK, which transact() then returns, undoes it; so does a write that failed. Records and fields of `call` and of `inner` are
   * not each other's. @since 1.0 */
  caravan_status (*transact)(caravan_call call, caravan_work_fn work, void* user) CARAVAN_NOEXCEPT;
  /** Only in create(). @since 1.0 */
  caravan_status (*add_job)(caravan_call call, const caravan_job* job) CARAVAN_NOEXCEPT;
  /** Adds a job to the call's transaction (in a route: at once): it exists if that commits. `added` (may be null): 0 where one
   * with the same `unique` waits already. @since 1.0 */
  caravan_status (*enqueue)(caravan_call call, const caravan_new_job* job, int32_t* added) CARAVAN_NOEXCEPT;
} caravan_host;

/* ---- optional areas ---- */

/** Functions: what definitions, imports and reports may have computed by a plugin, e.g. a classifier (text -> label and score), a
 * transformation of a cell, a measure. @since 1.0 */
#define CARAVAN_FUNCTIONS_AREA "caravan.functions/1"

/** What a function is asked. Of an import, for a cell: `value`, `column`, `row` (text, a JSON object of the row's cells), `row_number`. Of a report,
 * for a group: `values` (text, a JSON list), `count`, `field` and, where they are amounts of money, `currency`. Both take the answer `value`.
 * Else what the definition hands over. @since 1.0 */
typedef struct caravan_function_call {
  uint32_t struct_size;
  uint32_t reserved;
  caravan_string name;
  const caravan_named_value* arguments; /**< lives as long as the call */
  size_t count;
} caravan_function_call;

/** Gives its answers with answer(). A function computes: in its call there are settings and the language, but no records. It may be asked
 * often, by several threads, and inside a transaction: no outside effects. @since 1.0 */
typedef caravan_status (*caravan_function_fn)(void* user, caravan_call call, const caravan_function_call* asked) CARAVAN_NOEXCEPT;

/** A function to be registered. @since 1.0 */
typedef struct caravan_function {
  uint32_t struct_size;
  uint32_t reserved;
  caravan_string name;       /**< a-z, 0-9, _; definitions call it `PLUGIN.NAME` */
  caravan_function_fn run;
  void* user;
} caravan_function;

/** The area of functions. @since 1.0 */
typedef struct caravan_functions {
  uint32_t struct_size;
  uint32_t reserved;
  /** Only in create(). @since 1.0 */
  caravan_status (*add)(caravan_call call, const caravan_function* function) CARAVAN_NOEXCEPT;
  /** Only in a function: one of its answers, by name (`label`, `score`; the only one is called `value`). Copied. @since 1.0 */
  caravan_status (*answer)(caravan_call call, caravan_string name, const caravan_value* value) CARAVAN_NOEXCEPT;
} caravan_functions;

/** Channels: other ways than mail by which messages (`kind: message` with `channel: PLUGIN.NAME`) leave. @since 1.0 */
#define CARAVAN_CHANNELS_AREA "caravan.channels/1"

/** A message to be sent. @since 1.0 */
typedef struct caravan_message {
  uint32_t struct_size;
  int32_t attempt;           /**< counts from 1 */
  int64_t id;                /**< of the record of core.message */
  caravan_string key;        /**< the same for every attempt of this message: an idempotency key for the outside */
  caravan_string channel;    /**< its name, without the plugin's */
  caravan_string recipient;  /**< what the definition gave as address */
  caravan_string subject;    /**< may be empty */
  caravan_string body;
} caravan_message;

/** Sends it, at least once; no transaction is open. CARAVAN_OK: it was sent. CARAVAN_INVALID_ARGUMENT: it never will be (the reason, by
 * fail(), stands at the message). Everything else: it is tried again later. @since 1.0 */
typedef caravan_status (*caravan_channel_fn)(void* user, caravan_call call, const caravan_message* message) CARAVAN_NOEXCEPT;

/** A channel to be registered. @since 1.0 */
typedef struct caravan_channel {
  uint32_t struct_size;
  uint32_t reserved;
  caravan_string name;       /**< a-z, 0-9, _ */
  caravan_channel_fn run;
  void* user;
} caravan_channel;

/** The area of channels. @since 1.0 */
typedef struct caravan_channels {
  uint32_t struct_size;
  uint32_t reserved;
  /** Only in create(). @since 1.0 */
  caravan_status (*add)(caravan_call call, const caravan_channel* channel) CARAVAN_NOEXCEPT;
} caravan_channels;

/* ---- the plugin's side ---- */
/** The plugin's table. @since 1.0 */
typedef struct caravan_plugin {
  uint32_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t reserved;
  /** Makes the plugin's instance and registers hooks, routes, jobs and what areas offer with `call`. `host` is to be copied. There is one
   * instance at a time in a process; after destroy another may be created. A status other than
   * CARAVAN_OK refuses the plugin: the server goes on without it and does not call destroy. @since 1.0 */
  caravan_status (*create)(const caravan_host* host, caravan_call call, void** instance) CARAVAN_NOEXCEPT;
  /** Frees the instance. Not called where create failed. @since 1.0 */
  void (*destroy)(void* instance) CARAVAN_NOEXCEPT;
  /** Optional, as are all after it. Callbacks come only between enable and disable. @since 1.0 */
  caravan_status (*enable)(void* instance, caravan_call call) CARAVAN_NOEXCEPT;
  /** After the last callback has returned; threads of the plugin's own end here. @since 1.0 */
  void (*disable)(void* instance) CARAVAN_NOEXCEPT;
  /** An optional area that the plugin offers; null where it has none. @since 1.0 */
  const void* (*extension)(void* instance, caravan_string name) CARAVAN_NOEXCEPT;
} caravan_plugin;

/** What every plugin defines. @since 1.0 */
extern CARAVAN_EXPORT const caravan_plugin caravan_plugin_v1;

#ifdef __cplusplus
}
#endif

#endif
