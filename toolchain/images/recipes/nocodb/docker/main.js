// Starts NocoDB's server as its image's own program of this name does (nocodb/nocodb, packages/nocodb/src/run/docker.ts):
// it listens at once, and answers once its tables are there.
const cors = require("cors");
const express = require("express");
const { Noco } = require("nocodb");

const app = express();
app.enable("trust proxy");
app.disable("etag");
app.disable("x-powered-by");
app.use(cors({ exposedHeaders: "xc-db-response" }));
app.set("view engine", "ejs");

const server = app.listen(process.env.PORT || 8080, async () => {
  try {
    app.use(await Noco.init({}, server, app));
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
});
