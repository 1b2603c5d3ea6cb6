-- Keys that let programs in over a network. When one was last used is no record and changes.

CREATE TABLE tapetrail.api_keys (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    key_name TEXT NOT NULL,
    label TEXT NOT NULL,
    secret_digest TEXT COLLATE "C" NOT NULL,
    scopes JSONB NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    rotated_from BIGINT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_api_keys PRIMARY KEY (id),
    CONSTRAINT fk_api_keys_rotated_from FOREIGN KEY(rotated_from) REFERENCES tapetrail.api_keys (id),
    CONSTRAINT uq_api_keys_key_name UNIQUE (key_name),
    CONSTRAINT ck_api_keys_key_name_form CHECK (key_name ~ '^[0-9a-f]{12}$'),
    CONSTRAINT ck_api_keys_label CHECK (label <> ''),
    CONSTRAINT ck_api_keys_scopes CHECK (jsonb_typeof(scopes) = 'array' AND scopes <> '[]'),
    CONSTRAINT ck_api_keys_secret_digest_form CHECK (secret_digest ~ '^sha256:[0-9a-f]{64}$'),
    CONSTRAINT ck_api_keys_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE INDEX ix_api_keys_rotated_from ON tapetrail.api_keys (rotated_from) WHERE rotated_from IS NOT NULL;

CREATE TABLE tapetrail.api_key_ends (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    api_key_id BIGINT NOT NULL,
    reason TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    record_digest TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_api_key_ends PRIMARY KEY (id),
    CONSTRAINT fk_api_key_ends_api_key_id FOREIGN KEY(api_key_id) REFERENCES tapetrail.api_keys (id),
    CONSTRAINT uq_api_key_ends_api_key_id UNIQUE (api_key_id),
    CONSTRAINT ck_api_key_ends_record_digest_form CHECK (record_digest ~ '^sha256:[0-9a-f]{64}$')
);

CREATE TABLE tapetrail.api_key_uses (
    api_key_id bigint NOT NULL,
    last_used_at timestamp with time zone NOT NULL,
    CONSTRAINT pk_api_key_uses PRIMARY KEY (api_key_id),
    CONSTRAINT fk_api_key_uses_api_key_id FOREIGN KEY (api_key_id) REFERENCES tapetrail.api_keys (id)
);
