-- +goose Up
-- Holds share the office's row, and PostgreSQL lets whoever comes share what is shared
-- already, past an edit that waits for the row: while holds overlap without a pause, it
-- would wait for ever. Its advisory locks have a queue that nobody passes. So a hold
-- shares the gate of its office first, and an edit closes it before it asks for the row.
-- There are few gates, lest a closure of all offices want more locks than there are.
-- +goose StatementBegin
CREATE FUNCTION edit_gate(office bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (office % 64)::int;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION close_gates(offices bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(x'5b070021'::int, gate)
    FROM (SELECT DISTINCT edit_gate(office) AS gate FROM unnest(offices) AS office ORDER BY 1) AS gates;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION revise_office() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    offices bigint[] := ARRAY(SELECT DISTINCT office_id FROM edited);
BEGIN
    PERFORM close_gates(offices);
    UPDATE office SET revision = revision WHERE id = ANY(offices);
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION revise_office_of_desk() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    offices bigint[] := ARRAY(SELECT DISTINCT d.office_id FROM edited JOIN desk d ON d.id = edited.desk_id);
BEGIN
    PERFORM close_gates(offices);
    UPDATE office SET revision = revision WHERE id = ANY(offices);
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION revise_office() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE office SET revision = revision WHERE id IN (SELECT office_id FROM edited);
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION revise_office_of_desk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE office SET revision = revision WHERE id IN (SELECT d.office_id FROM edited JOIN desk d ON d.id = edited.desk_id);
    RETURN NULL;
END $$;
-- +goose StatementEnd
DROP FUNCTION close_gates, edit_gate;
