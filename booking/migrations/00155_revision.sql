-- +goose Up
-- How often what an office offers was edited: the office, its services, its desks, what
-- these do, and the hours they have. Whoever books by what they remember of an office
-- shares a lock on its row at the revision they remember; an edit raises it, and so
-- comes wholly before a booking or wholly after.
ALTER TABLE office ADD revision bigint NOT NULL DEFAULT 0;

-- +goose StatementBegin
CREATE FUNCTION revise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION revise_office() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE office SET revision = revision WHERE id IN (SELECT office_id FROM edited);
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION revise_office_of_desk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE office SET revision = revision WHERE id IN (SELECT d.office_id FROM edited JOIN desk d ON d.id = edited.desk_id);
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER revise BEFORE UPDATE ON office FOR EACH ROW EXECUTE FUNCTION revise();
CREATE TRIGGER revise_added AFTER INSERT ON service REFERENCING NEW TABLE AS edited EXECUTE FUNCTION revise_office();
CREATE TRIGGER revise_edited AFTER UPDATE ON service REFERENCING NEW TABLE AS edited EXECUTE FUNCTION revise_office();
CREATE TRIGGER revise_dropped AFTER DELETE ON service REFERENCING OLD TABLE AS edited EXECUTE FUNCTION revise_office();
CREATE TRIGGER revise_added AFTER INSERT ON desk REFERENCING NEW TABLE AS edited EXECUTE FUNCTION revise_office();
CREATE TRIGGER revise_edited AFTER UPDATE ON desk REFERENCING NEW TABLE AS edited EXECUTE FUNCTION revise_office();
CREATE TRIGGER revise_dropped AFTER DELETE ON desk REFERENCING OLD TABLE AS edited EXECUTE FUNCTION revise_office();
CREATE TRIGGER revise_added AFTER INSERT ON desk_service REFERENCING NEW TABLE AS edited EXECUTE FUNCTION revise_office_of_desk();
CREATE TRIGGER revise_edited AFTER UPDATE ON desk_service REFERENCING NEW TABLE AS edited EXECUTE FUNCTION revise_office_of_desk();
CREATE TRIGGER revise_dropped AFTER DELETE ON desk_service REFERENCING OLD TABLE AS edited EXECUTE FUNCTION revise_office_of_desk();
-- A day that is added takes nothing from anybody, and is not remembered.
CREATE TRIGGER revise_edited AFTER UPDATE ON desk_day REFERENCING NEW TABLE AS edited EXECUTE FUNCTION revise_office_of_desk();
CREATE TRIGGER revise_dropped AFTER DELETE ON desk_day REFERENCING OLD TABLE AS edited EXECUTE FUNCTION revise_office_of_desk();

-- +goose Down
DROP TRIGGER revise ON office;
DROP TRIGGER revise_added ON service;
DROP TRIGGER revise_edited ON service;
DROP TRIGGER revise_dropped ON service;
DROP TRIGGER revise_added ON desk;
DROP TRIGGER revise_edited ON desk;
DROP TRIGGER revise_dropped ON desk;
DROP TRIGGER revise_added ON desk_service;
DROP TRIGGER revise_edited ON desk_service;
DROP TRIGGER revise_dropped ON desk_service;
DROP TRIGGER revise_edited ON desk_day;
DROP TRIGGER revise_dropped ON desk_day;
DROP FUNCTION revise, revise_office, revise_office_of_desk;
ALTER TABLE office DROP COLUMN revision;
