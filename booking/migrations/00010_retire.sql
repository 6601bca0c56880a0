-- +goose Up
-- What is retired is hidden from booking; the appointments it has stay.
ALTER TABLE office ADD COLUMN retired_at timestamptz;
ALTER TABLE service ADD COLUMN retired_at timestamptz;
ALTER TABLE desk ADD COLUMN retired_at timestamptz;

-- +goose Down
ALTER TABLE office DROP COLUMN retired_at;
ALTER TABLE service DROP COLUMN retired_at;
ALTER TABLE desk DROP COLUMN retired_at;
