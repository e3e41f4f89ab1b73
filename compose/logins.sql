-- Runs once, when PostgreSQL's volume is new: the owner, who migrates, and the services' logins.
-- The group roles are what the migrations grant rights to; they are made here because the owner
-- is allowed to create no roles.
\getenv owner_password OWNER_PASSWORD
\getenv writer_password WRITER_PASSWORD
\getenv viewer_password VIEWER_PASSWORD

CREATE ROLE vitalstream_writer NOLOGIN;
CREATE ROLE vitalstream_viewer NOLOGIN;
CREATE ROLE vitalstream_operator NOLOGIN;

CREATE ROLE vitalstream_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE vitalstream_consumer LOGIN PASSWORD :'writer_password' IN ROLE vitalstream_writer;
CREATE ROLE vitalstream_dashboard LOGIN PASSWORD :'viewer_password' IN ROLE vitalstream_viewer;

CREATE DATABASE vitalstream OWNER vitalstream_owner;
REVOKE ALL ON DATABASE vitalstream FROM PUBLIC;
GRANT CONNECT ON DATABASE vitalstream TO vitalstream_consumer, vitalstream_dashboard;
GRANT TEMPORARY ON DATABASE vitalstream TO vitalstream_consumer;
