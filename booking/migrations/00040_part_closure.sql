-- +goose Up
-- A closure may be of some hours of its days only: a break, an early end.
ALTER TABLE closure
    ADD from_local time,
    ADD to_local   time,
    ADD CHECK (num_nonnulls(from_local, to_local) <> 1),
    ADD CHECK (to_local > from_local),
    ADD CHECK (from_local IS NULL OR NOT holiday);

-- +goose Down
DELETE FROM closure WHERE from_local IS NOT NULL;
ALTER TABLE closure DROP from_local, DROP to_local;
