# syntax=docker/dockerfile:1
# The one binary, alone in a slim image. `docker run --rm -p 127.0.0.1:8080:8080 IMAGE demo --listen 0.0.0.0:8080` shows it.

FROM rust:1.95-bookworm AS build
WORKDIR /onpace
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/onpace/target \
    cargo build --release --locked -p onpace && cp target/release/onpace /usr/local/bin/onpace

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="onpace" \
      org.opencontainers.image.description="Sales KPIs from events: folded exactly once, right in any order" \
      org.opencontainers.image.licenses="Apache-2.0"
# tzdata: a company's days begin in its own zone.
RUN apt-get update && apt-get install -y --no-install-recommends tzdata && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /var/lib/onpace --create-home onpace
COPY --from=build /usr/local/bin/onpace /usr/local/bin/onpace
USER 10001
WORKDIR /var/lib/onpace
# Where `onpace up` keeps its file; the other stages keep nothing.
ENV ONPACE_DATA=/var/lib/onpace
VOLUME /var/lib/onpace
STOPSIGNAL SIGTERM
ENTRYPOINT ["onpace"]
CMD ["--help"]
