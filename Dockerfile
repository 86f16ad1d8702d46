# syntax=docker/dockerfile:1

# The hub in a container. MongoDB is its own: MONGODB_URI is needed, the embedded one is not in here.
FROM node:20.19-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY connectors connectors
COPY scripts/copy-assets.mjs scripts/
RUN npm run build

FROM node:20.19-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:20.19-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
RUN groupadd --system --gid 10001 quittance \
  && useradd --system --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin quittance \
  && install -d -o 10001 -g 10001 -m 0700 /data
WORKDIR /app
# Owned by root: the hub cannot change its own program.
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
USER 10001:10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--disable-proto=delete", "--enable-source-maps", "--min-semi-space-size=16", "--max-semi-space-size=64", "dist/src/main.js"]
