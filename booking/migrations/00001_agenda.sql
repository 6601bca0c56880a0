-- +goose Up
-- The agenda: who is there (town, office, desk), when (rules, closures and the
-- desk-days made of them) and what for (services, appointments).
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE town (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug   text NOT NULL UNIQUE,
    name   text NOT NULL,
    patron jsonb -- {"name": {"it": …}, "month": 8, "weekday": 0, "nth": -1, "offset": 1} or {"name", "month", "day"}
);

CREATE TABLE office (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    town_id  bigint NOT NULL REFERENCES town,
    slug     text NOT NULL UNIQUE,
    name     jsonb NOT NULL,
    intro    jsonb NOT NULL DEFAULT '{}',
    address  text NOT NULL DEFAULT '',
    building text NOT NULL DEFAULT '',
    phone    text NOT NULL DEFAULT '',
    email    text NOT NULL DEFAULT '',
    tz       text NOT NULL DEFAULT 'Europe/Rome',
    position int NOT NULL DEFAULT 0
);

CREATE TABLE service (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    office_id    bigint NOT NULL REFERENCES office,
    slug         text NOT NULL,
    name         jsonb NOT NULL,
    description  jsonb NOT NULL DEFAULT '{}',
    bring        jsonb NOT NULL DEFAULT '{}',
    duration     interval NOT NULL CHECK (duration > '0'),
    buffer       interval NOT NULL DEFAULT '0' CHECK (buffer >= '0'),
    step         interval NOT NULL CHECK (step > '0'),
    min_notice   interval NOT NULL DEFAULT '0' CHECK (min_notice >= '0'),
    horizon      interval NOT NULL CHECK (horizon > '0'),
    cancel_until interval NOT NULL DEFAULT '0' CHECK (cancel_until >= '0'),
    modes        text[] NOT NULL CHECK (modes <@ '{in_person,virtual}' AND cardinality(modes) > 0),
    position     int NOT NULL DEFAULT 0,
    UNIQUE (office_id, slug)
);

CREATE TABLE desk (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    office_id bigint NOT NULL REFERENCES office,
    name      text NOT NULL,
    modes     text[] NOT NULL CHECK (modes <@ '{in_person,virtual}' AND cardinality(modes) > 0),
    UNIQUE (office_id, name)
);

CREATE TABLE desk_service (
    desk_id    bigint NOT NULL REFERENCES desk ON DELETE CASCADE,
    service_id bigint NOT NULL REFERENCES service ON DELETE CASCADE,
    PRIMARY KEY (service_id, desk_id)
);

CREATE TABLE opening_rule (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    desk_id    bigint NOT NULL REFERENCES desk ON DELETE CASCADE,
    weekday    smallint NOT NULL CHECK (weekday BETWEEN 0 AND 6), -- 0 is Sunday
    from_local time NOT NULL,
    to_local   time NOT NULL CHECK (to_local > from_local),
    valid      daterange NOT NULL DEFAULT '(,)',
    audience   text NOT NULL CHECK (audience IN ('public', 'operators'))
);
CREATE INDEX opening_rule_desk ON opening_rule (desk_id, weekday);

-- At most one of town, office and desk is set: whom it closes. None: all.
CREATE TABLE closure (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    town_id    bigint REFERENCES town ON DELETE CASCADE,
    office_id  bigint REFERENCES office ON DELETE CASCADE,
    desk_id    bigint REFERENCES desk ON DELETE CASCADE,
    days       daterange NOT NULL CHECK (NOT isempty(days) AND NOT lower_inf(days) AND NOT upper_inf(days)),
    reason     jsonb NOT NULL DEFAULT '{}',
    holiday    boolean NOT NULL DEFAULT false,
    removed_at timestamptz, -- a holiday that is taken out stays out
    CHECK (num_nonnulls(town_id, office_id, desk_id) <= 1)
);
CREATE UNIQUE INDEX closure_holiday ON closure (coalesce(town_id, 0), days) WHERE holiday;
CREATE INDEX closure_days ON closure USING gist (days) WHERE removed_at IS NULL;

-- What rules and closures come to on one day. The row of the operators holds
-- the public's hours too. A closed day has an empty multirange, not no row:
-- bookings lock the row they rely on.
CREATE TABLE desk_day (
    desk_id  bigint NOT NULL REFERENCES desk ON DELETE CASCADE,
    day      date NOT NULL,
    audience text NOT NULL,
    open     tstzmultirange NOT NULL,
    PRIMARY KEY (desk_id, day, audience)
);

CREATE TABLE staff (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login         text NOT NULL UNIQUE,
    name          text NOT NULL,
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz
);
CREATE TABLE staff_role (
    staff_id bigint NOT NULL REFERENCES staff ON DELETE CASCADE,
    role     text NOT NULL CHECK (role IN ('clerk', 'operator', 'reception', 'administrator')),
    PRIMARY KEY (staff_id, role)
);
CREATE TABLE staff_office (
    staff_id  bigint NOT NULL REFERENCES staff ON DELETE CASCADE,
    office_id bigint NOT NULL REFERENCES office ON DELETE CASCADE,
    PRIMARY KEY (staff_id, office_id)
);
CREATE TABLE staff_desk (
    staff_id bigint NOT NULL REFERENCES staff ON DELETE CASCADE,
    desk_id  bigint NOT NULL REFERENCES desk ON DELETE CASCADE,
    PRIMARY KEY (staff_id, desk_id)
);

-- A hold is a row of this table too: one constraint binds everybody.
CREATE TABLE appointment (
    id              uuid PRIMARY KEY,
    room            uuid NOT NULL UNIQUE,
    office_id       bigint NOT NULL REFERENCES office,
    service_id      bigint NOT NULL REFERENCES service,
    desk_id         bigint NOT NULL REFERENCES desk,
    day             date NOT NULL, -- of the start, in the office's time zone
    period          tstzrange NOT NULL CHECK (NOT isempty(period)),
    occupied        tstzrange NOT NULL CHECK (occupied @> period), -- with the buffer
    mode            text NOT NULL CHECK (mode IN ('in_person', 'virtual')),
    channel         text NOT NULL CHECK (channel IN ('web', 'operator', 'walk_in')),
    audience        text NOT NULL CHECK (audience IN ('public', 'operators')),
    outside_hours   boolean NOT NULL DEFAULT false, -- made on purpose outside the desk's hours
    state           text NOT NULL CHECK (state IN ('held', 'booked', 'arrived', 'called', 'served', 'no_show', 'cancelled', 'expired')),
    hold_expires_at timestamptz NOT NULL,
    secret_hash     bytea NOT NULL UNIQUE, -- SHA-256 of the secret
    code_hash       bytea NOT NULL,        -- HMAC of the short code
    note            text NOT NULL DEFAULT '',
    staff_note      text NOT NULL DEFAULT '',
    version         int NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL,
    created_by      bigint REFERENCES staff, -- null: the citizen
    changed_at      timestamptz NOT NULL,
    changed_by      bigint REFERENCES staff, -- the last to move it along, null: the citizen or the clock
    arrived_at      timestamptz,
    called_at       timestamptz,
    closed_at       timestamptz,
    cancelled_by    bigint REFERENCES staff, -- null while closed_at is set: the citizen
    CONSTRAINT appointment_code UNIQUE (code_hash),
    CONSTRAINT no_overlap EXCLUDE USING gist (desk_id WITH =, occupied WITH &&)
        WHERE (state IN ('held', 'booked', 'arrived', 'called', 'served'))
);
CREATE INDEX appointment_day ON appointment (office_id, day);
CREATE INDEX appointment_desk_day ON appointment (desk_id, day);
CREATE INDEX appointment_held ON appointment (hold_expires_at) WHERE state = 'held';

-- Identity stands apart, so that it can be purged alone.
CREATE TABLE appointment_person (
    appointment_id uuid PRIMARY KEY REFERENCES appointment ON DELETE CASCADE,
    name           text NOT NULL,
    surname        text NOT NULL,
    surname_key    text NOT NULL, -- folded: no case, accents, spaces, apostrophes
    email          text NOT NULL,
    phone          text NOT NULL,
    language       text NOT NULL,
    search         text NOT NULL -- folded words of all of it
);
CREATE INDEX appointment_person_search ON appointment_person USING gin (search gin_trgm_ops);

-- The rights to enter a room. Redis holds copies of these.
CREATE TABLE room_grant (
    id             uuid PRIMARY KEY,
    hash           bytea NOT NULL UNIQUE,
    appointment_id uuid NOT NULL REFERENCES appointment ON DELETE CASCADE,
    role           text NOT NULL CHECK (role IN ('host', 'citizen', 'guest')),
    identity       text NOT NULL,
    display_name   text NOT NULL,
    not_before     timestamptz NOT NULL,
    not_after      timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    created_by     bigint REFERENCES staff,
    revoked_at     timestamptz,
    revoked_by     bigint REFERENCES staff
);
CREATE INDEX room_grant_appointment ON room_grant (appointment_id);

-- +goose Down
DROP TABLE room_grant, appointment_person, appointment, staff_desk, staff_office, staff_role, staff,
    desk_day, closure, opening_rule, desk_service, desk, service, office, town;
