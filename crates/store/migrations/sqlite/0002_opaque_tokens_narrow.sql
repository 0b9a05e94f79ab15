-- An opaque token is worth what it was issued with, and not the whole of its grant. What those that are there were issued
-- with is not known, so their holders sign in again.
DROP TABLE opaque_tokens;
CREATE TABLE opaque_tokens (
    realm      TEXT    NOT NULL REFERENCES realms (name),
    digest     BLOB    NOT NULL,
    grant_id   TEXT    NOT NULL,
    scopes     TEXT    NOT NULL,
    audiences  TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (realm, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX opaque_tokens_expiring ON opaque_tokens (expires_at);
