-- +goose Up

-- Pictures that another system linked to a report and that are still to be
-- fetched. An address may be personal, so it stands here and in no job, and goes
-- as soon as the picture is there or the report is erased.
CREATE TABLE media_urls (
    report   TEXT NOT NULL REFERENCES reports DEFERRABLE INITIALLY DEFERRED,
    position BIGINT NOT NULL,
    url      TEXT NOT NULL,
    PRIMARY KEY (report, position)
);
