# The counter in one image: pages built with Node, the binary with Go, and
# nothing else in what runs.

FROM node:22-bookworm-slim AS assets
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web ./web
RUN node web/build.mjs

FROM golang:1.26-bookworm AS binary
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=assets /src/web/static/dist ./web/static/dist
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /sportello ./cmd/sportello

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=binary /sportello /sportello
ENV SPORTELLO_ADDR=:8080 SPORTELLO_MEDIA_PORT=7882
EXPOSE 8080/tcp 7882/udp 7882/tcp
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/sportello", "health"]
ENTRYPOINT ["/sportello"]
CMD ["serve"]
