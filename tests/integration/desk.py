"""An agency made for the tests of access: departments, posts with different rights, records that belong to different people, and
an oracle of its own that says who may do what. Nothing here asks the server's own explanation."""

import json

from wire import Wire, token_of

DEFINITIONS = """\
kind: department
name: north
label: North
---
kind: department
name: north_team
label: Team in the north
parent: north
---
kind: department
name: south
label: South
---
kind: choices
name: desk.kind
label: Kind
options: {group: {label: Group}, single: {label: Single}}
---
kind: entity
name: desk.client
label: Client
title: name
fields:
  name:  {type: text, max: 60, required: true, search: true, label: Name}
  phone: {type: text, max: 40, right: masked, search: true, label: Phone}
  tier:  {type: int, right: hidden, label: Tier}
---
kind: entity
name: desk.file
label: File
number: "F-{seq:5}"
title: topic
fields:
  topic:  {type: text, max: 80, required: true, search: true, label: Topic}
  code:   {type: text, max: 40, label: Code}
  kind:   {type: choice, choices: desk.kind, label: Kind}
  client: {type: ref, to: desk.client, label: Client}
  amount: {type: money, label: Amount}
  count:  {type: int, label: Count}
  next:   {type: ref, to: desk.file, label: Next}
  begun:  {type: date, label: Begun}
  margin: {type: money, right: hidden, label: Margin}
  rank:   {type: int, right: hidden, label: Rank}
  hint:   {type: text, max: 80, right: hidden, search: true, label: Hint}
  due:    {type: date, right: hidden, label: Due}
  boss:   {type: ref, to: core.user, right: hidden, label: Boss}
  grade:  {type: choice, choices: desk.kind, right: hidden, label: Grade}
  badge:  {type: text, max: 40, right: hidden, label: Badge}
  pin:    {type: text, max: 40, right: masked, search: true, label: Pin}
  seal:   {type: text, max: 40, right: hidden, sensitive: true, label: Seal}
unique:
  code: {fields: [code], message: Another file has this code}
  badge: {fields: [badge], message: Another file has this badge}
invariants:
  rank: {check: "record.rank < 1000", message: The rank is too high}
duplicates:
  topic: {warn: [topic], message: There is such a file}
  badge: {warn: [badge], message: There is such a badge}
indexes:
  by_rank: [rank]
workflow:
  initial: open
  states:
    open:   {label: Open, category: open}
    review: {label: Review, category: open}
    closed: {label: Closed, category: done}
  transitions:
    check:    {label: Check, from: open, to: review}
    approve:  {label: Approve, from: open, to: closed, by: [desk.lead]}
    close:    {label: Close, from: review, to: closed, by: [desk.lead, desk.clerk]}
    escalate: {label: Escalate, from: open, to: review, when: "record.count > 3", message: Not enough yet}
    sign:     {label: Sign, from: open, to: closed, approval: {lead: {by: [desk.lead]}}}
    rate:     {label: Rate, from: open, to: closed, when: "record.rank > 5", message: Not yet, require: [hint]}
---
kind: report
name: desk.files
label: Files
entity: desk.file
parameters: {least: {type: int, label: Least}}
filters: {least: "record.count >= params.least"}
groups: {state: {by: state}}
measures: {all: {label: All, of: count}, few: {label: Few, of: count, where: "record.count < 3"}, middle: {label: Middle, of: "median:count"}}
---
kind: report
name: desk.margins
label: Margins
entity: desk.file
measures: {all: {label: All, of: "sum:margin"}}
---
kind: report
name: desk.ranks
label: Ranks
entity: desk.file
measures: {all: {label: All, of: count, where: "record.rank > 5"}}
---
kind: report
name: desk.leads
label: For leads
entity: desk.file
roles: [desk.lead]
measures: {all: {label: All, of: count}}
---
kind: dashboard
name: desk.overview
label: Overview
tiles: {files: {report: files}, leads: {report: leads}}
---
kind: public_page
name: desk.ask
label: Ask
type: form
entity: desk.client
fields: {name: {}}
---
kind: public_page
name: desk.track
label: Track
type: record
entity: desk.file
fields: {topic: {}, state: {}}
steps: {check: {}}
adds: {again: {create: desk.file, by: next, fields: {topic: {}}, label: Again}}
issue: [desk.reader]
---
kind: public_page
name: desk.days
label: Days
type: calendar
entity: desk.client
entries: {files: {entity: desk.file, by: client, start: begun, fields: {topic: {}}}}
---
kind: role
name: desk.clerk
label: Clerk
grants:
  desk.file: {read: "record.owner == user.id", create: true, update: "record.owner == user.id", delete: "record.owner == user.id"}
  desk.client: {read: "record.owner == user.id", create: true}
---
kind: role
name: desk.peer
label: Peer
includes: [desk.clerk]
grants:
  desk.file: {read: "record.owner.department in user.departments"}
---
kind: role
name: desk.lead
label: Lead
department: north
includes: [desk.peer]
grants:
  desk.file: {update: "record.owner.department in user.departments"}
  desk.client: {read: true}
fields:
  desk.file: {margin: write, rank: read}
---
kind: role
name: desk.reader
label: Reader
grants:
  desk.file: {read: true}
  core.user: {read: true}
fields:
  core.user: {email: hidden}
---
kind: role
name: desk.maker
label: Maker
grants:
  desk.file: {create: true}
---
kind: role
name: desk.everything
label: Everything
grants:
  desk.file: {read: true, create: true, update: true, delete: true}
  desk.client: {read: true, create: true, update: true, delete: true}
---
kind: role
name: desk.nothing
label: Nothing
"""

# Whose record it is, seen from the actor (who is in the department `north`).
RELATIONS = ("own", "department", "below", "foreign", "nobody's", "shared to read", "shared to change", "lent")
OWNER = {"own": None, "department": "north.colleague", "below": "team.colleague", "foreign": "south.colleague", "nobody's": "",
         "shared to read": "south.colleague", "shared to change": "south.colleague", "lent": "south.absent"}

OWN, DEPARTMENT, ALL = {"own"}, {"own", "department", "below"}, set(RELATIONS)

# Role → entity → operation → relations to which the role's own rules give it. `create` has no record yet: true or false.
GRANTS = {
    "desk.clerk": {"desk.file": {"read": OWN, "create": True, "update": OWN, "delete": OWN}, "desk.client": {"read": OWN, "create": True}},
    "desk.peer": {"desk.file": {"read": DEPARTMENT, "create": True, "update": OWN, "delete": OWN},
                  "desk.client": {"read": OWN, "create": True}},
    "desk.lead": {"desk.file": {"read": DEPARTMENT, "create": True, "update": DEPARTMENT, "delete": OWN},
                  "desk.client": {"read": ALL, "create": True}},
    "desk.reader": {"desk.file": {"read": ALL}, "core.user": {"read": ALL}},
    "desk.maker": {"desk.file": {"create": True}},
    "desk.everything": {entity: {"read": ALL, "create": True, "update": ALL, "delete": ALL} for entity in ("desk.file", "desk.client")},
    "desk.nothing": {},
    # Has no right of its own, and those of an absent clerk: the clerk's own records are his own while it lasts.
    "deputy": {"desk.file": {"read": {"lent"}, "create": True, "update": {"lent"}, "delete": {"lent"}},
               "desk.client": {"read": {"lent"}, "create": True}},
    "administrator": None,
}
# Roles in `by` of a transition; None: whoever may update.
STEPS = {"check": None, "approve": {"desk.lead"}, "escalate": None}
HOLDS = {"desk.lead": {"desk.lead", "desk.peer", "desk.clerk"}, "desk.peer": {"desk.peer", "desk.clerk"}, "deputy": {"desk.nothing", "desk.clerk"}}


def gives(role, entity, operation, relation=None):
    """Whether the role's holder may do so to the record, shares included. `relation` None: to some record."""
    if GRANTS[role] is None:
        return True
    if relation in ("shared to read", "shared to change") and entity == "desk.file":
        if operation == "read" or (operation == "update" and relation == "shared to change"):
            return True
    given = GRANTS[role].get(entity, {}).get(operation, set())
    if operation == "create":
        return given is True
    return bool(given) if relation is None else relation in given


def may_step(role, step, relation):
    if GRANTS[role] is None:
        return True
    by = STEPS[step]
    return gives(role, "desk.file", "update", relation) if by is None else bool(by & HOLDS.get(role, {role}))


def sees(role, relation):
    return gives(role, "desk.file", "read", relation)


class Person:
    def __init__(self, username, role, identifier, token, client):
        self.username, self.role, self.id, self.token, self.client = username, role, identifier, token, client
        self.wire = None


class Desk:
    """Users of every role, and records of every relation to each of them."""

    def __init__(self, server):
        self.server = server
        self.admin = server.client("admin")
        self.root = Wire(server.port, token_of(self.admin))
        self.ids = {"": None}
        for username, department in (("north.colleague", "north"), ("team.colleague", "north_team"), ("south.colleague", "south"),
                                     ("south.absent", "south")):
            self.ids[username] = self.user(username, ["desk.clerk"], department)
        self.people = []
        for role in GRANTS:
            username = "admin.two" if role == "administrator" else "person." + role.removeprefix("desk.")
            held = {"administrator": "core.administrator", "deputy": "desk.nothing"}.get(role, role)
            self.ids[username] = self.user(username, [held], "north")
            client = server.client(username)
            person = Person(username, role, self.ids[username], token_of(client), client)
            person.wire = Wire(server.port, person.token)
            self.people.append(person)
        made = self.root.call("POST", "/records/core.delegation", {
            "user": self.ids["south.absent"], "deputy": self.ids["person.deputy"], "starts_at": "2020-01-01T00:00:00Z",
            "ends_at": "2100-01-01T00:00:00Z"})
        check(made, 201)
        self.made = 0

    def user(self, username, roles, department):
        self.server.add_user(username, username.title(), *roles)
        found = self.root.call("GET", f"/records/core.user?filter=record.username%20==%20%22{username}%22")
        check(found, 200)
        user = found.json["items"][0]
        check(self.root.call("PATCH", f"/records/core.user/{user['id']}", {"department": department}, If_Match='"1"'), 200)
        return user["id"]

    def person(self, role):
        return next(person for person in self.people if person.role == role)

    def record(self, relation, person, entity="desk.file", **fields):
        """A new record that stands in the relation to the person."""
        self.made += 1
        owner = person.id if relation == "own" else self.ids[OWNER[relation]]
        values = {"topic": f"{relation} {self.made}", "margin": "12.50", "rank": 7, "hint": "hint", "pin": "4711-0815", "count": 2}
        if entity == "desk.client":
            values = {"name": f"{relation} {self.made}", "phone": "13800001111", "tier": 3}
        made = self.root.call("POST", f"/records/{entity}", {**values, "owner": owner, **fields})
        check(made, 201)
        if relation in ("shared to read", "shared to change"):
            self.share(entity, made.json["id"], person, "update" if relation == "shared to change" else "read")
        return made.json["id"]

    def share(self, entity, identifier, person, level):
        check(self.root.call("POST", f"/records/{entity}/{identifier}/shares",
                             {"user": person.id, "level": level}), 201)


def check(reply, status):
    if reply.status != status:
        raise AssertionError(f"{status} was expected: {reply}")


def dump(value):
    return json.dumps(value, ensure_ascii=False)
