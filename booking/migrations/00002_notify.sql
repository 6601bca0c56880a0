-- +goose Up
-- Boards listen on the channel "agenda": "appointment office day". Equal
-- messages of one transaction are delivered once.
-- +goose StatementBegin
CREATE FUNCTION agenda_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.day <> NEW.day THEN
        PERFORM pg_notify('agenda', concat_ws(' ', OLD.id, OLD.office_id, OLD.day));
    END IF;
    PERFORM pg_notify('agenda', concat_ws(' ', NEW.id, NEW.office_id, NEW.day));
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER agenda_changed AFTER INSERT OR UPDATE ON appointment
    FOR EACH ROW EXECUTE FUNCTION agenda_changed();

-- +goose Down
DROP TRIGGER agenda_changed ON appointment;
DROP FUNCTION agenda_changed();
