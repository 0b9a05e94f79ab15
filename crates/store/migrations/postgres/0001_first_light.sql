-- Texts sort by their bytes, whatever the language of the server, because lists are continued after the last name of the
-- page before.
-- Times are unix seconds, flags 0 or 1, ids 26 letters and digits, digests SHA-256, lists and records JSON.
-- No column holds anything that could be presented as a credential: digests of what is random, PHC strings of
-- passwords, and bytes sealed under a key that is not here.

CREATE TABLE realms (
    name               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    created_at         BIGINT           NOT NULL,
    refresh_key_sealed BYTEA            NOT NULL
);

-- The newest position of each realm's feed. Apart from realms, because every revocation locks this row.
CREATE TABLE heads (
    realm    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES realms (name),
    epoch    BIGINT           NOT NULL,
    revision BIGINT           NOT NULL,
    hash     BYTEA            NOT NULL
);

CREATE TABLE entries (
    realm      TEXT COLLATE "C" NOT NULL REFERENCES realms (name),
    epoch      BIGINT           NOT NULL,
    revision   BIGINT           NOT NULL,
    changes    TEXT COLLATE "C" NOT NULL,
    until      BIGINT           NOT NULL,
    hash       BYTEA            NOT NULL,
    written_at BIGINT           NOT NULL,
    PRIMARY KEY (realm, epoch, revision)
);

CREATE TABLE signing_keys (
    realm        TEXT COLLATE "C" NOT NULL REFERENCES realms (name),
    kid          TEXT COLLATE "C" NOT NULL,
    jwk          TEXT COLLATE "C" NOT NULL,
    published_at BIGINT           NOT NULL,
    signs_from   BIGINT           NOT NULL,
    gone_at      BIGINT,
    sealed       BYTEA            NOT NULL,
    PRIMARY KEY (realm, kid)
);

CREATE TABLE users (
    realm          TEXT COLLATE "C" NOT NULL REFERENCES realms (name),
    id             TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    password       TEXT COLLATE "C" NOT NULL,
    scopes         TEXT COLLATE "C" NOT NULL,
    display_name   TEXT COLLATE "C",
    email          TEXT COLLATE "C",
    email_verified BIGINT           NOT NULL,
    created_at     BIGINT           NOT NULL,
    disabled_at    BIGINT,
    PRIMARY KEY (realm, id),
    UNIQUE (realm, name)
);

CREATE TABLE clients (
    realm              TEXT COLLATE "C" NOT NULL REFERENCES realms (name),
    id                 TEXT COLLATE "C" NOT NULL,
    registration       TEXT COLLATE "C" NOT NULL,
    secret             BYTEA,
    secret_at          BIGINT,
    previous_secret    BYTEA,
    previous_secret_at BIGINT,
    created_at         BIGINT           NOT NULL,
    disabled_at        BIGINT,
    PRIMARY KEY (realm, id)
);

-- over_at: from when on the row is certainly over and only waits to be swept.
CREATE TABLE sessions (
    realm      TEXT COLLATE "C" NOT NULL REFERENCES realms (name),
    id         TEXT COLLATE "C" NOT NULL,
    user_id    TEXT COLLATE "C" NOT NULL,
    client     TEXT COLLATE "C",
    cookie     BYTEA,
    auth_time  BIGINT           NOT NULL,
    amr        TEXT COLLATE "C" NOT NULL,
    last_seen  BIGINT           NOT NULL,
    idle_until BIGINT           NOT NULL,
    expires_at BIGINT           NOT NULL,
    ended_at   BIGINT,
    address    TEXT COLLATE "C",
    user_agent TEXT COLLATE "C",
    over_at    BIGINT           NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, user_id) REFERENCES users (realm, id)
);
CREATE UNIQUE INDEX sessions_by_cookie ON sessions (realm, cookie) WHERE cookie IS NOT NULL;
CREATE INDEX sessions_by_user ON sessions (realm, user_id);
CREATE INDEX sessions_over ON sessions (over_at);

CREATE TABLE grants (
    realm          TEXT COLLATE "C" NOT NULL REFERENCES realms (name),
    id             TEXT COLLATE "C" NOT NULL,
    client         TEXT COLLATE "C" NOT NULL,
    user_id        TEXT COLLATE "C" NOT NULL,
    session_id     TEXT COLLATE "C",
    scopes         TEXT COLLATE "C" NOT NULL,
    audiences      TEXT COLLATE "C" NOT NULL,
    created_at     BIGINT           NOT NULL,
    expires_at     BIGINT           NOT NULL,
    generation     BIGINT,
    rotated_at     BIGINT,
    refresh_idle_s BIGINT,
    ended_at       BIGINT,
    over_at        BIGINT           NOT NULL,
    PRIMARY KEY (realm, id),
    FOREIGN KEY (realm, user_id) REFERENCES users (realm, id)
);
CREATE INDEX grants_by_user ON grants (realm, user_id);
CREATE INDEX grants_by_client ON grants (realm, client);
CREATE INDEX grants_by_session ON grants (realm, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX grants_over ON grants (over_at);

CREATE TABLE codes (
    realm        TEXT COLLATE "C" NOT NULL REFERENCES realms (name),
    digest       BYTEA            NOT NULL,
    client       TEXT COLLATE "C" NOT NULL,
    user_id      TEXT COLLATE "C" NOT NULL,
    session_id   TEXT COLLATE "C" NOT NULL,
    redirect_uri TEXT COLLATE "C",
    challenge    TEXT COLLATE "C",
    scopes       TEXT COLLATE "C" NOT NULL,
    audiences    TEXT COLLATE "C" NOT NULL,
    nonce        TEXT COLLATE "C",
    expires_at   BIGINT           NOT NULL,
    stage        TEXT COLLATE "C" NOT NULL CHECK (stage IN ('pending', 'redeemed', 'burnt')),
    grant_id     TEXT COLLATE "C",
    PRIMARY KEY (realm, digest)
);
CREATE INDEX codes_expiring ON codes (expires_at);

CREATE TABLE opaque_tokens (
    realm      TEXT COLLATE "C" NOT NULL REFERENCES realms (name),
    digest     BYTEA            NOT NULL,
    grant_id   TEXT COLLATE "C" NOT NULL,
    scopes     TEXT COLLATE "C" NOT NULL,
    audiences  TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT           NOT NULL,
    PRIMARY KEY (realm, digest)
);
CREATE INDEX opaque_tokens_expiring ON opaque_tokens (expires_at);

CREATE TABLE flows (
    realm        TEXT COLLATE "C" NOT NULL REFERENCES realms (name),
    digest       BYTEA            NOT NULL,
    browser      BYTEA            NOT NULL,
    request      TEXT COLLATE "C" NOT NULL,
    started_at   BIGINT           NOT NULL,
    expires_at   BIGINT           NOT NULL,
    session_id   TEXT COLLATE "C",
    consented_at BIGINT,
    PRIMARY KEY (realm, digest)
);
CREATE INDEX flows_expiring ON flows (expires_at);

CREATE TABLE audit (
    sequence   BIGINT           PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    realm      TEXT COLLATE "C",
    at         BIGINT           NOT NULL,
    event      TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C",
    client     TEXT COLLATE "C",
    session_id TEXT COLLATE "C",
    grant_id   TEXT COLLATE "C",
    request    TEXT COLLATE "C",
    line       TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_by_realm ON audit (realm, sequence);
CREATE INDEX audit_by_subject ON audit (realm, subject, sequence) WHERE subject IS NOT NULL;
