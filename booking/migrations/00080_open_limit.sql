-- +goose Up
-- How many appointments to come one e-mail address or phone number may have at an
-- office by the web; 0 is any number. Operators are not bound by it.
ALTER TABLE office ADD max_open int NOT NULL DEFAULT 0 CHECK (max_open >= 0);
CREATE INDEX appointment_person_email ON appointment_person (lower(email)) WHERE email <> '';
CREATE INDEX appointment_person_phone ON appointment_person (phone) WHERE phone <> '';

-- +goose Down
DROP INDEX appointment_person_phone, appointment_person_email;
ALTER TABLE office DROP max_open;
