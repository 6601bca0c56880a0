-- +goose Up
-- Boards show no holds, so holds tell them nothing. It also matters for speed: a
-- transaction that notifies commits alone, holding one lock of the whole
-- database until its record is on disk, and most holds are made at the same moments.
DROP TRIGGER agenda_changed ON appointment;
CREATE TRIGGER agenda_made AFTER INSERT ON appointment
    FOR EACH ROW WHEN (NEW.state NOT IN ('held', 'expired')) EXECUTE FUNCTION agenda_changed();
CREATE TRIGGER agenda_changed AFTER UPDATE ON appointment
    FOR EACH ROW WHEN (NEW.state NOT IN ('held', 'expired') OR OLD.state NOT IN ('held', 'expired')) EXECUTE FUNCTION agenda_changed();

-- +goose Down
DROP TRIGGER agenda_made ON appointment;
DROP TRIGGER agenda_changed ON appointment;
CREATE TRIGGER agenda_changed AFTER INSERT OR UPDATE ON appointment
    FOR EACH ROW EXECUTE FUNCTION agenda_changed();
