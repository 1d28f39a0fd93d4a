# The login service: one static binary on nothing.
ARG GO_IMAGE=golang:1.26.8-bookworm

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# timetzdata: the time zones come with the binary; nethttpomithttp2: only nginx
# speaks HTTP/2. An empty version means: what git says; it and the paths are all
# that could differ between two builds.
ARG VERSION=
RUN VERSION="${VERSION:-$(git describe --tags --always 2>/dev/null || echo dev)}" && \
    CGO_ENABLED=0 go build -trimpath -tags timetzdata,nethttpomithttp2 -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/hasura-login ./app
# A volume that is mounted here for the first time gets the owner of this folder.
RUN mkdir -p /out/keys /out/audit

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=10001:10001 --chmod=0700 /out/keys /keys
COPY --from=build --chown=10001:10001 --chmod=0700 /out/audit /audit
COPY --from=build /out/hasura-login /hasura-login
USER 10001:10001
EXPOSE 3000 9100
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/hasura-login", "health", "--live"]
ENTRYPOINT ["/hasura-login"]
CMD ["serve"]
