-- +goose Up
-- What a desk does is asked for by desk, too; the key leads from the service alone.
CREATE INDEX desk_service_desk ON desk_service (desk_id);

-- +goose Down
DROP INDEX desk_service_desk;
