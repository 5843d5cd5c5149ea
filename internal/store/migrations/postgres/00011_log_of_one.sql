-- +goose Up
-- For the log of one user: what is about them, and what they did to others.
CREATE INDEX events_subject ON events (user_id, id) WHERE user_id <> '';
CREATE INDEX events_actor ON events (actor_id, id) WHERE actor_id <> '' AND actor_id <> user_id;
CREATE INDEX refusals_subject ON refusals (user_id, id) WHERE user_id <> '';
CREATE INDEX refusals_actor ON refusals (caller_id, id) WHERE caller_id <> '' AND caller_id <> user_id;
