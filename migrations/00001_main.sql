-- +goose Up

-- Facts about the installation itself, such as that it is a demo.
CREATE TABLE installation (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Keys that every process has to agree on, made once. Values are base64.
CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Whose -----------------------------------------------------------------------

CREATE TABLE jurisdictions (
    code       TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    channel    TEXT NOT NULL,
    email      TEXT NOT NULL,
    contact    TEXT NOT NULL, -- what a resident may see
    language   TEXT NOT NULL,
    services   TEXT NOT NULL, -- JSON: overrides of the catalogue
    photos     TEXT NOT NULL, -- JSON: how its photos are handled
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE jurisdiction_aliases (
    alias        TEXT PRIMARY KEY,
    jurisdiction TEXT NOT NULL REFERENCES jurisdictions
);
CREATE INDEX jurisdiction_aliases_of ON jurisdiction_aliases (jurisdiction);

CREATE TABLE boundary_sets (
    id          TEXT PRIMARY KEY,
    layer       TEXT NOT NULL,
    kind        TEXT NOT NULL, -- areas, lines, points
    source      TEXT NOT NULL,
    licence     TEXT NOT NULL,
    valid_from  TEXT NOT NULL,
    index_blob  TEXT NOT NULL,
    sha256      TEXT NOT NULL, -- of the index
    areas       BIGINT NOT NULL,
    vertices    BIGINT NOT NULL,
    approximate BOOLEAN NOT NULL,
    active      BOOLEAN NOT NULL,
    created_at  BIGINT NOT NULL,
    features_blob TEXT NOT NULL -- what the index is built from
);
CREATE UNIQUE INDEX boundary_sets_active ON boundary_sets (layer) WHERE active;

-- The history of each layer: which set took which one's place. What was undone, and
-- what undid it, cannot be undone again.
CREATE TABLE boundary_activations (
    id           TEXT PRIMARY KEY,
    layer        TEXT NOT NULL,
    boundary_set TEXT REFERENCES boundary_sets, -- null where the layer was left without one
    before       TEXT NOT NULL, -- empty for none
    undoes       TEXT NOT NULL, -- another activation, or empty
    undoable     BOOLEAN NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX boundary_activations_of ON boundary_activations (layer, id);

-- Who took over from a jurisdiction whose code is gone from the boundaries. Its
-- row stays, and with it every link to it.
CREATE TABLE successions (
    old        TEXT PRIMARY KEY REFERENCES jurisdictions,
    heir       TEXT NOT NULL REFERENCES jurisdictions,
    created_at BIGINT NOT NULL
);

-- What an heir has, or had until the code was back, from whom it succeeded.
CREATE TABLE inheritances (
    heir     TEXT NOT NULL REFERENCES jurisdictions,
    old      TEXT NOT NULL REFERENCES jurisdictions,
    settings BIGINT NOT NULL, -- the heir's version by that: with a later one they are its own; 0: none inherited
    rules    BIGINT NOT NULL, -- the same of its rules
    held     BOOLEAN NOT NULL,
    PRIMARY KEY (heir, old)
);
CREATE INDEX inheritances_from ON inheritances (old);

-- The rules by which reports are routed. A list is never changed, so that what was
-- decided by it can be explained and replayed.
CREATE TABLE rule_lists (
    sha256     TEXT PRIMARY KEY,
    rules      TEXT NOT NULL, -- JSON
    created_at BIGINT NOT NULL
);

-- Which list is in force. Jurisdiction is empty for that of the installation.
CREATE TABLE rules_in_force (
    jurisdiction TEXT PRIMARY KEY,
    list         TEXT NOT NULL REFERENCES rule_lists,
    version      BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);

-- One row, once there is anything to route by. Its number is raised in the same
-- transaction by whatever changes where reports go: sets, rules, jurisdictions.
CREATE TABLE routing_revision (
    one      BIGINT PRIMARY KEY CHECK (one = 1),
    revision BIGINT NOT NULL
);

-- Who ---------------------------------------------------------------------------

-- People with a verified address.
CREATE TABLE persons (
    id         TEXT PRIMARY KEY,
    email      TEXT NOT NULL UNIQUE, -- normalised
    created_at BIGINT NOT NULL
);

-- The staff roles that people hold. Jurisdiction is empty for operators.
CREATE TABLE grants (
    person         TEXT NOT NULL REFERENCES persons,
    role           TEXT NOT NULL,
    jurisdiction   TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    inherited_from TEXT, -- the code that the jurisdiction succeeded, where it came by that alone
    PRIMARY KEY (person, role, jurisdiction)
);
CREATE INDEX grants_in ON grants (jurisdiction, person);

-- Sign-ins by e-mailed code. One is live until it is used, replaced or expired.
CREATE TABLE sign_ins (
    id          TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE, -- of the sign-in id that only the asker has
    email       TEXT NOT NULL,
    language    TEXT NOT NULL,
    code_hash   TEXT NOT NULL, -- empty until the mail is written
    tries       BIGINT NOT NULL,
    used_at     BIGINT,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX sign_ins_of ON sign_ins (email, created_at);
CREATE INDEX sign_ins_old ON sign_ins (created_at);

-- One row for each address that asked: its lock lets one sign-in begin at a time.
CREATE TABLE sign_in_addresses (
    email   TEXT PRIMARY KEY,
    last_at BIGINT NOT NULL
);
CREATE INDEX sign_in_addresses_old ON sign_in_addresses (last_at);

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    person     TEXT NOT NULL REFERENCES persons,
    token_hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX sessions_of ON sessions (person);
CREATE INDEX sessions_old ON sessions (expires_at);

-- Jurisdiction is empty for a key that files reports everywhere.
CREATE TABLE api_keys (
    id           TEXT PRIMARY KEY,
    jurisdiction TEXT NOT NULL,
    name         TEXT NOT NULL,
    scopes       TEXT NOT NULL, -- "reports:read,reports:write"
    secret_hash  TEXT NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    revoked_at   BIGINT
);
CREATE INDEX api_keys_of ON api_keys (jurisdiction, id);

-- Invitations to staff roles. Ended is what was accepted, cancelled or replaced.
CREATE TABLE invites (
    id           TEXT PRIMARY KEY,
    email        TEXT NOT NULL,
    role         TEXT NOT NULL,
    jurisdiction TEXT NOT NULL,
    language     TEXT NOT NULL,
    secret_hash  TEXT NOT NULL, -- empty until the mail is written
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    ended_at     BIGINT
);
CREATE UNIQUE INDEX invites_secret ON invites (secret_hash) WHERE secret_hash <> '';
CREATE INDEX invites_of ON invites (jurisdiction, id) WHERE ended_at IS NULL;
CREATE INDEX invites_to ON invites (email) WHERE ended_at IS NULL;
CREATE INDEX invites_old ON invites (expires_at);

-- Reports -----------------------------------------------------------------------

-- The last number given in each series of references. Its row is locked from the
-- moment a report takes its number until that report's commit, so that a series
-- has no gaps; it is therefore taken last.
CREATE TABLE reference_series (
    jurisdiction TEXT NOT NULL,
    year         BIGINT NOT NULL,
    last         BIGINT NOT NULL,
    PRIMARY KEY (jurisdiction, year)
);

CREATE TABLE reports (
    id           TEXT PRIMARY KEY,
    reference    TEXT NOT NULL UNIQUE,
    jurisdiction TEXT NOT NULL,
    service      TEXT NOT NULL,
    status       TEXT NOT NULL,
    close_reason TEXT NOT NULL,
    planned_for  TEXT NOT NULL,
    duplicate_of TEXT NOT NULL,
    case_id      TEXT NOT NULL, -- of a voice, its case: what is done there is copied here; else empty
    delivery     TEXT NOT NULL,
    assignee     TEXT NOT NULL,
    returns      BIGINT NOT NULL,
    lat          DOUBLE PRECISION NOT NULL,
    lon          DOUBLE PRECISION NOT NULL,
    accuracy_m   DOUBLE PRECISION,
    quadkey      BIGINT NOT NULL, -- Web-Mercator tile at zoom 28, interleaved
    address      TEXT NOT NULL,
    description  TEXT NOT NULL,
    search       TEXT NOT NULL, -- description and address in lower case, for q
    attributes   TEXT NOT NULL, -- JSON
    language     TEXT NOT NULL,
    private      BOOLEAN NOT NULL,
    origin       TEXT NOT NULL,
    person       TEXT NOT NULL,
    outside      BOOLEAN NOT NULL,
    boundary_set TEXT NOT NULL,
    photo_count  BIGINT NOT NULL, -- so that nobody looks for photos in vain
    supported_by BIGINT NOT NULL, -- people, in a case those of its voices too
    joined       BIGINT NOT NULL, -- other people who filed voices of it
    token_epoch  BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    closed_at    BIGINT NOT NULL, -- 0 while open
    version      BIGINT NOT NULL,
    text_held    BOOLEAN NOT NULL, -- its words wait for a handler, and are not in search
    held_updates BIGINT NOT NULL   -- how many updates' texts do
);
-- Ids are UUIDv7, so "newest first" is "id descending" everywhere.
-- The first two hold what a view of the map looks at, so that rows are read only
-- of what it shows.
CREATE INDEX reports_place ON reports (quadkey, id, lat, lon, private, status, service, case_id);
CREATE INDEX reports_newest ON reports (id, lat, lon, private, status, service, case_id);
CREATE INDEX reports_queue ON reports (jurisdiction, id);
CREATE INDEX reports_changed ON reports (updated_at, id);
CREATE INDEX reports_changed_in ON reports (jurisdiction, updated_at, id); -- what other systems poll
CREATE INDEX reports_held ON reports (id) WHERE delivery = 'held'; -- the triage

-- How to reach a reporter, apart from everything else. Rows of reports refer to
-- their report, which is stored last in the transaction.
CREATE TABLE contacts (
    report TEXT PRIMARY KEY REFERENCES reports DEFERRABLE INITIALLY DEFERRED,
    name   TEXT NOT NULL,
    email  TEXT NOT NULL,
    phone  TEXT NOT NULL
);

CREATE TABLE updates (
    id           TEXT PRIMARY KEY,
    report       TEXT NOT NULL REFERENCES reports DEFERRABLE INITIALLY DEFERRED,
    kind         TEXT NOT NULL,
    status       TEXT NOT NULL,
    close_reason TEXT NOT NULL,
    planned_for  TEXT NOT NULL,
    duplicate_of TEXT NOT NULL,
    moved_from   TEXT NOT NULL,
    moved_to     TEXT NOT NULL,
    text         TEXT NOT NULL,
    internal     BOOLEAN NOT NULL,
    still_bad    BOOLEAN,
    author       TEXT NOT NULL,
    author_id    TEXT NOT NULL,
    origin       TEXT NOT NULL,
    trace        TEXT NOT NULL, -- JSON: why it was routed so; empty where it was not
    created_at   BIGINT NOT NULL,
    held         BOOLEAN NOT NULL -- the text waits for a handler
);
CREATE INDEX updates_of ON updates (report, id);

CREATE TABLE photos (
    id         TEXT PRIMARY KEY,
    report     TEXT REFERENCES reports DEFERRABLE INITIALLY DEFERRED, -- NULL until claimed
    update_id  TEXT,
    position   BIGINT NOT NULL, -- its place among the photos of one update
    width      BIGINT NOT NULL,
    height     BIGINT NOT NULL,
    sha256     TEXT NOT NULL, -- JSON: rendition size to hash
    likeness   BIGINT NOT NULL, -- difference hash
    blurhash   TEXT NOT NULL, -- a placeholder to show until a rendition has come
    alt        TEXT NOT NULL, -- what it shows, in the sender's words; may be empty
    alt_held   TEXT NOT NULL, -- with which words that waits for a handler: report, update; empty for none
    state      TEXT NOT NULL, -- shown, held, checking
    folder     TEXT NOT NULL UNIQUE, -- where its files lie: its id until it is masked
    masks      TEXT NOT NULL, -- JSON: the areas that are pixelated
    unmasked   TEXT NOT NULL, -- SHA-256 of what is kept from before; empty for nothing
    created_at BIGINT NOT NULL
);
CREATE INDEX photos_of ON photos (report, id) WHERE report IS NOT NULL;
CREATE INDEX photos_unclaimed ON photos (created_at) WHERE report IS NULL;
CREATE INDEX photos_checking ON photos (id) WHERE state = 'checking';
CREATE INDEX photos_unmasked ON photos (id) WHERE unmasked <> '';

-- Where photos lay that were masked or deleted since, so that their addresses say
-- so. Ids only, and it only grows, by a row for each.
CREATE TABLE gone_photos (
    folder     TEXT PRIMARY KEY,
    photo      TEXT NOT NULL,
    report     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX gone_photos_of ON gone_photos (photo);

-- Photos on their way. Their bytes lie in the blob store, below uploads/; neither
-- they nor these rows are part of a backup.
CREATE TABLE uploads (
    id          TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    length      BIGINT NOT NULL, -- bytes; -1 until the sender says
    received    BIGINT NOT NULL, -- bytes that are safe
    parts       TEXT NOT NULL, -- JSON: blobs and their bytes, in order
    metadata    TEXT NOT NULL,
    alt         TEXT NOT NULL, -- what the photo shows, by the metadata
    state       TEXT NOT NULL, -- open, done, ended
    photo       TEXT NOT NULL, -- what a done one became
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    sender      TEXT NOT NULL, -- a keyed hash of who answers for an unfinished one; empty for nobody
    reserved    BIGINT NOT NULL -- bytes that it can take on a disk
);
CREATE INDEX uploads_old ON uploads (expires_at);
CREATE INDEX uploads_of ON uploads (sender) WHERE sender <> '';

-- Pictures that another system linked to a report and that are still to be
-- fetched. An address may be personal, so it stands here and in no job, and goes
-- as soon as the picture is there or the report is erased.
CREATE TABLE media_urls (
    report   TEXT NOT NULL REFERENCES reports DEFERRABLE INITIALLY DEFERRED,
    position BIGINT NOT NULL,
    url      TEXT NOT NULL,
    PRIMARY KEY (report, position)
);

-- Reports that are voices of another: of several reports of one fault, one is the
-- case. What was merged into a report that is itself merged stays below it, so that
-- unmerging gives it back; case_id is the one above all of them. The other columns
-- are the voice's own work as it was, for unmerging to restore.
CREATE TABLE merges (
    report       TEXT PRIMARY KEY REFERENCES reports,
    into_report  TEXT NOT NULL REFERENCES reports,
    case_id      TEXT NOT NULL REFERENCES reports,
    entry        TEXT NOT NULL, -- the update that tells of it
    jurisdiction TEXT NOT NULL,
    status       TEXT NOT NULL,
    close_reason TEXT NOT NULL,
    planned_for  TEXT NOT NULL,
    duplicate_of TEXT NOT NULL,
    delivery     TEXT NOT NULL,
    assignee     TEXT NOT NULL,
    returns      BIGINT NOT NULL,
    closed_at    BIGINT NOT NULL
);
CREATE INDEX merges_into ON merges (into_report);
CREATE INDEX merges_case ON merges (case_id);

-- Who said "me too": a hash that tells one voice from another, and is the same in
-- all reports, so that those of one case can be counted together.
CREATE TABLE voices (
    report TEXT NOT NULL REFERENCES reports,
    voice  TEXT NOT NULL,
    PRIMARY KEY (report, voice)
);

CREATE TABLE idempotency_keys (
    scope       TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    resource    TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_old ON idempotency_keys (created_at);

-- Challenges that were solved and used, by their random name, until they would
-- have expired anyhow.
CREATE TABLE spent_challenges (
    name       TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX spent_challenges_old ON spent_challenges (expires_at);

-- What follows ------------------------------------------------------------------

-- Events carry ids only. A position is given after the commit, in order.
CREATE TABLE events (
    id           TEXT PRIMARY KEY,
    position     BIGINT UNIQUE,
    kind         TEXT NOT NULL,
    report       TEXT NOT NULL,
    update_id    TEXT NOT NULL,
    jurisdiction TEXT NOT NULL,
    internal     BOOLEAN NOT NULL,
    created_at   BIGINT NOT NULL
);

-- Work to do. A job is leased by moving run_at past the lease's end; it is
-- deleted when done and parked when given up.
CREATE TABLE jobs (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    key        TEXT NOT NULL, -- unique among unfinished jobs of a kind; empty for none
    payload    TEXT NOT NULL, -- JSON, ids only
    run_at     BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    parked     BOOLEAN NOT NULL,
    reason     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX jobs_due ON jobs (run_at) WHERE NOT parked;
CREATE UNIQUE INDEX jobs_key ON jobs (kind, key) WHERE key <> '' AND NOT parked;
CREATE INDEX jobs_parked ON jobs (id) WHERE parked;

-- How often an address that has not agreed yet was asked to confirm. It outlives
-- the subscriptions that it counts, so it holds a keyed hash and no address.
CREATE TABLE subscription_asks (
    address TEXT PRIMARY KEY,
    since   BIGINT NOT NULL,
    asked   BIGINT NOT NULL
);

-- Who hears of it. A row follows one report or an area.
CREATE TABLE subscriptions (
    id          TEXT PRIMARY KEY,
    secret      TEXT NOT NULL UNIQUE, -- SHA-256 of what the follower holds
    report      TEXT REFERENCES reports,
    lat         DOUBLE PRECISION NOT NULL,
    lon         DOUBLE PRECISION NOT NULL,
    radius_m    DOUBLE PRECISION NOT NULL,
    lon_m       DOUBLE PRECISION NOT NULL, -- metres in a degree of longitude at lat
    services    TEXT NOT NULL, -- ",pothole,litter,"; empty for all
    channel     TEXT NOT NULL, -- push or mail: the kind of job that sends
    endpoint    TEXT NOT NULL,
    p256dh      TEXT NOT NULL,
    auth        TEXT NOT NULL,
    email       TEXT NOT NULL,
    language    TEXT NOT NULL,
    active      BOOLEAN NOT NULL,
    code_hash   TEXT NOT NULL,
    tries       BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL, -- of the code; 0 once active
    created_at  BIGINT NOT NULL
);
CREATE INDEX subscriptions_to ON subscriptions (report, id) WHERE report IS NOT NULL;
CREATE INDEX subscriptions_pending ON subscriptions (expires_at) WHERE NOT active;

-- The zoom-12 tiles that a followed area touches, as quadkeys at zoom 12.
CREATE TABLE subscription_tiles (
    tile         BIGINT NOT NULL,
    subscription TEXT NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    PRIMARY KEY (tile, subscription)
);
CREATE INDEX subscription_tiles_of ON subscription_tiles (subscription);
