-- +goose Up
-- How easy people found it. A rating knows service and day, not whose it was:
-- the appointment only remembers that it has been rated.
CREATE TABLE rating (
    id         uuid PRIMARY KEY,
    office_id  bigint NOT NULL REFERENCES office ON DELETE CASCADE,
    service_id bigint NOT NULL REFERENCES service ON DELETE CASCADE,
    mode       text NOT NULL,
    day        date NOT NULL,
    stars      smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    remark     text NOT NULL DEFAULT '' CHECK (char_length(remark) <= 200)
);
CREATE INDEX rating_service ON rating (service_id, day);
ALTER TABLE appointment ADD COLUMN rated boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE appointment DROP COLUMN rated;
DROP TABLE rating;
