-- Times are unix seconds, flags 0 or 1, ids 26 letters and digits, digests SHA-256, lists and records JSON.
-- No column holds anything that could be presented as a credential: digests of what is random, PHC strings of
-- passwords, and bytes sealed under a key that is not here.

CREATE TABLE realms (
    name               TEXT    NOT NULL PRIMARY KEY,
    created_at         INTEGER NOT NULL,
    refresh_key_sealed BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- The newest position of each realm's feed. Apart from realms, because every revocation locks this row.
CREATE TABLE heads (
    realm    TEXT    NOT NULL PRIMARY KEY REFERENCES realms (name),
    epoch    INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    hash     BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE entries (
    realm      TEXT    NOT NULL REFERENCES realms (name),
    epoch      INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    changes    TEXT    NOT NULL,
    until      INTEGER NOT NULL,
    hash       BLOB    NOT NULL,
    written_at INTEGER NOT NULL,
    PRIMARY KEY (realm, epoch, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    realm        TEXT    NOT NULL REFERENCES realms (name),
    kid          TEXT    NOT NULL,
    jwk          TEXT    NOT NULL,
    published_at INTEGER NOT NULL,
    signs_from   INTEGER NOT NULL,
    gone_at      INTEGER,
    sealed       BLOB    NOT NULL,
    PRIMARY KEY (realm, kid)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    realm          TEXT    NOT NULL REFERENCES realms (name),
    id             TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    password       TEXT    NOT NULL,
    scopes         TEXT    NOT NULL,
    display_name   TEXT,
    email          TEXT,
    email_verified INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    disabled_at    INTEGER,
    PRIMARY KEY (realm, id),
    UNIQUE (realm, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE clients (
    realm              TEXT    NOT NULL REFERENCES realms (name),
    id                 TEXT    NOT NULL,
    registration       TEXT    NOT NULL,
    secret             BLOB,
    secret_at          INTEGER,
    previous_secret    BLOB,
    previous_secret_at INTEGER,
    created_at         INTEGER NOT NULL,
    disabled_at        INTEGER,
    PRIMARY KEY (realm, id)
) STRICT, WITHOUT ROWID;

-- over_at: from when on the row is certainly over and only waits to be swept.
CREATE TABLE sessions (
    realm      TEXT    NOT NULL REFERENCES realms (name),
    id         TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    client     TEXT,
    cookie     BLOB,
    auth_time  INTEGER NOT NULL,
    amr        TEXT    NOT NULL,
    last_seen  INTEGER NOT NULL,
    idle_until INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER,
    address    TEXT,
    user_agent TEXT,
    over_at    INTEGER NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, user_id) REFERENCES users (realm, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sessions_by_cookie ON sessions (realm, cookie) WHERE cookie IS NOT NULL;
CREATE INDEX sessions_by_user ON sessions (realm, user_id);
CREATE INDEX sessions_over ON sessions (over_at);

CREATE TABLE grants (
    realm          TEXT    NOT NULL REFERENCES realms (name),
    id             TEXT    NOT NULL,
    client         TEXT    NOT NULL,
    user_id        TEXT    NOT NULL,
    session_id     TEXT,
    scopes         TEXT    NOT NULL,
    audiences      TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    generation     INTEGER,
    rotated_at     INTEGER,
    refresh_idle_s INTEGER,
    ended_at       INTEGER,
    over_at        INTEGER NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, user_id) REFERENCES users (realm, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_by_user ON grants (realm, user_id);
CREATE INDEX grants_by_client ON grants (realm, client);
CREATE INDEX grants_by_session ON grants (realm, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX grants_over ON grants (over_at);

CREATE TABLE codes (
    realm        TEXT    NOT NULL REFERENCES realms (name),
    digest       BLOB    NOT NULL,
    client       TEXT    NOT NULL,
    user_id      TEXT    NOT NULL,
    session_id   TEXT    NOT NULL,
    redirect_uri TEXT,
    challenge    TEXT,
    scopes       TEXT    NOT NULL,
    audiences    TEXT    NOT NULL,
    nonce        TEXT,
    expires_at   INTEGER NOT NULL,
    stage        TEXT    NOT NULL CHECK (stage IN ('pending', 'redeemed', 'burnt')),
    grant_id     TEXT,
    PRIMARY KEY (realm, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_expiring ON codes (expires_at);

CREATE TABLE opaque_tokens (
    realm      TEXT    NOT NULL REFERENCES realms (name),
    digest     BLOB    NOT NULL,
    grant_id   TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (realm, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX opaque_tokens_expiring ON opaque_tokens (expires_at);

CREATE TABLE flows (
    realm        TEXT    NOT NULL REFERENCES realms (name),
    digest       BLOB    NOT NULL,
    browser      BLOB    NOT NULL,
    request      TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    session_id   TEXT,
    consented_at INTEGER,
    PRIMARY KEY (realm, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX flows_expiring ON flows (expires_at);

CREATE TABLE audit (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    realm      TEXT,
    at         INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    subject    TEXT,
    client     TEXT,
    session_id TEXT,
    grant_id   TEXT,
    request    TEXT,
    line       TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_by_realm ON audit (realm, sequence);
CREATE INDEX audit_by_subject ON audit (realm, subject, sequence) WHERE subject IS NOT NULL;
