// Generated from openapi.yaml by "npm run generate"; do not edit.
export interface paths {
    "/auth/signup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create a user and sign it in
         * @description If mail is set up, the address gets a link that verifies it. If only verified addresses may sign in, the user is created, but no session is opened and the answer is `email-not-verified`.
         */
        post: operations["signup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/signin": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign in with e-mail address and password */
        post: operations["signin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/signin/passkey/options": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin a sign-in by passkey
         * @description The options name no user: the browser offers every passkey that it has for this service, in its own list or (mediation `conditional`) among the suggestions of a form field. The service stores nothing for these options.
         */
        post: operations["signinPasskeyOptions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/signin/passkey": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in with what a passkey has signed
         * @description Send the browser's answer within five minutes of the options; it works once. A passkey verifies its user, so no second factor is needed.
         */
        post: operations["signinPasskey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/signin/second-factor": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Answer the challenge of a sign-in with a second factor
         * @description If the account has a second factor, a sign-in or a password reset answers `second-factor-required` with a challenge. The challenge is valid for five minutes and five codes, for the client that got it, until the account changes. A code of the app works once.
         */
        post: operations["signinSecondFactor"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/signin/mail": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Request a mail with a code and a link to sign in with
         * @description The answer, the work and the time are the same whether or not the address has an account. The code works once, for fifteen minutes and five tries, with the challenge of this answer; the link works once, wherever it is opened. An unverified address gets only the code.
         */
        post: operations["requestSigninMail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/signin/mail/code": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in with a mailed code
         * @description An account with a second factor is asked for it, as after a password. If sign-up by mail is on, an address without an account gets one.
         */
        post: operations["signinMailCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/signin/mail/link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign in with the token of a mailed link */
        post: operations["signinMailLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/elevate/mail": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Request a mail with a code that elevates this session
         * @description The code goes to the account's verified address. An account with a second factor needs that factor instead, and the answer is `elevation-required` with the available methods.
         */
        post: operations["requestElevationMail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/exchange": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Exchange the code that the hosted pages returned for a grant
         * @description The code in the app's return URL works once, for one minute, and only with the code verifier (RFC 7636, S256) of the challenge with which the sign-in began. A wrong verifier uses the code up. The session is the app's own.
         */
        post: operations["exchange"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Exchange a refresh token for a new grant
         * @description The presented token is spent. Until its successor is used, and for ten seconds after that, every call with it returns the same newest token (two tabs, a lost answer). A call after that ends its session.
         */
        post: operations["refresh"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/signout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End the session of a refresh token or of the cookie
         * @description A token or a cookie without a live session is not an error. With the cookie the body can be left out; the answer removes the cookie. Without a cookie the refresh token is needed.
         */
        post: operations["signout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/signout-all": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End every session of the caller */
        post: operations["signoutAll"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Change the password; every other session ends */
        post: operations["changePassword"];
        /**
         * Sign in without a password from now on
         * @description For an account that has a passkey. Every other session ends.
         */
        delete: operations["removePassword"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/password/forgot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Request a mail with a link to set a new password
         * @description The answer is the same whether or not the address has an account, and waits for no mail server.
         */
        post: operations["requestPasswordReset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/password/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Set a new password with the token of a mail; every session ends */
        post: operations["resetPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/email/verification": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Request a mail with a link that verifies its address
         * @description The answer is the same whether or not the address has an account, and whether or not it is verified already.
         */
        post: operations["requestEmailVerification"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/email/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Verify an address, or take a new one, with the token of a mail
         * @description The token of a mail that verifies an address is valid for a day; that of a mail to a new address for an hour. The call makes the new address the account's, and the previous address gets a notice. The token is not enough, because its reader may not be the account's owner: a new address needs a Bearer token of the account that asked, a new account's address a Bearer token of that account or its password. Without them the answer is `unauthenticated`. Repeating the call succeeds.
         */
        post: operations["verifyEmail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/email/change": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Request a mail to a new address with a link that confirms it
         * @description The account keeps its address until the link is opened. The answer does not reveal whether another account has the new address.
         */
        post: operations["requestEmailChange"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/totp/enrolment": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin to add an authenticator app
         * @description Nothing changes until the app's first code is sent with the enrolment, within five minutes.
         */
        post: operations["totpEnrolment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/totp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add an authenticator app with its first code
         * @description From then on, sign-ins ask for a code. Existing sessions stay.
         */
        post: operations["addTotp"];
        /**
         * Remove the authenticator app and every recovery code
         * @description Needs a session that was elevated recently.
         */
        delete: operations["removeTotp"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/recovery-codes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make ten recovery codes that replace the existing ones
         * @description The codes are shown only in this answer; each one replaces the second factor once. Needs a session that was elevated recently.
         */
        post: operations["newRecoveryCodes"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/elevate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Prove again who you are
         * @description The proof is a second factor if the account has one; otherwise the password or a mailed code. For some minutes the session may then change credentials, and its access tokens have the claim `x-hasura-auth-elevated` with the user's id. With the cookie, requests to `/v1/graphql` are elevated at once, and no token is answered.
         */
        post: operations["elevate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/providers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the providers that people can sign in with
         * @description A browser begins at `path`, with the parameters that the hosted pages take (`app`, `return`, `code_challenge`, `state`), and comes back to the app with a code for /auth/exchange.
         */
        get: operations["providers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/identities": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the accounts at providers that are linked to the caller's account */
        get: operations["identities"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/identities/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Unlink an account at a provider from the caller's account
         * @description Needs a session whose owner has recently signed in or called elevate. The last way to sign in cannot be removed.
         */
        delete: operations["unlinkIdentity"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/organizations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the caller's organizations */
        get: operations["organizations"];
        put?: never;
        /**
         * Make an organization that the caller owns
         * @description A user can be a member of ten organizations. The next token has the new id in x-hasura-org-ids.
         */
        post: operations["createOrganization"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/organizations/{organizationId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete an organization and everything that belongs to it
         * @description Only an owner can. Needs a session whose owner has recently signed in or called elevate.
         */
        delete: operations["deleteOrganization"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/organizations/{organizationId}/membership": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End the caller's membership
         * @description The last owner cannot leave (`last-owner`).
         */
        delete: operations["leaveOrganization"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/organizations/{organizationId}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List members, sorted by user id, at most 100 at a time */
        get: operations["organizationMembers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/organizations/{organizationId}/members/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove a member
         * @description By the same rule as a change of role.
         */
        delete: operations["removeMember"];
        options?: never;
        head?: never;
        /**
         * Give a member another role
         * @description Owners give and take every role. Admins manage members who are neither owner nor admin.
         */
        patch: operations["changeMemberRole"];
        trace?: never;
    };
    "/auth/organizations/{organizationId}/invitations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the open invitations */
        get: operations["organizationInvitations"];
        put?: never;
        /**
         * Mail an invitation to an organization
         * @description The answer is the same whether or not the address has an account. A newer invitation of the address to the same organization replaces the older. The caller's own address must be verified.
         */
        post: operations["inviteMember"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/organizations/{organizationId}/invitations/{invitationId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Make an invitation void */
        delete: operations["revokeInvitation"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/invitation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Describe the invitation of a mailed token
         * @description Spends nothing. A person whose address has no account calls signup with the token as `invitation`; one who has an account signs in and calls acceptInvitation.
         */
        post: operations["invitation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/invitation/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Become a member by the token of an invitation
         * @description The session must be of the account that has the address of the invitation, which is then verified. The next token has the id in x-hasura-org-ids.
         */
        post: operations["acceptInvitation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/passkeys/options": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin to add a passkey */
        post: operations["passkeyOptions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/passkeys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the caller's passkeys, the oldest first */
        get: operations["passkeys"];
        put?: never;
        /**
         * Add the passkey that an authenticator has created
         * @description Send the browser's answer within five minutes of the options, in the same session.
         */
        post: operations["addPasskey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/passkeys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove one of the caller's passkeys
         * @description The last way to sign in to an account cannot be removed. Removing the last second factor removes the recovery codes too.
         */
        delete: operations["removePasskey"];
        options?: never;
        head?: never;
        /** Rename one of the caller's passkeys */
        patch: operations["renamePasskey"];
        trace?: never;
    };
    "/auth/elevate/options": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Begin an elevation by passkey */
        post: operations["elevationOptions"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the caller's live sessions, last used first */
        get: operations["sessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** End one of the caller's sessions */
        delete: operations["endSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/auth/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller */
        get: operations["me"];
        put?: never;
        post?: never;
        /** Delete the caller and all data that belongs to them */
        delete: operations["deleteAccount"];
        options?: never;
        head?: never;
        /**
         * Give the caller another name
         * @description Access tokens hold no name, so no session changes.
         */
        patch: operations["changeName"];
        trace?: never;
    };
    "/auth/openapi.yaml": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This description */
        get: operations["contract"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/.well-known/jwks.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The keys that access tokens are signed with */
        get: operations["jwks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether requests can be served */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Stored in one form: NFC, lower case, the domain as A-labels. Invisible characters, quoted local parts, IP addresses and invalid domain names are refused; the message says why. */
        Email: string;
        /**
         * @description The language of the mail. The default language is used if there are no templates for it.
         * @example en
         * @example de
         */
        Language: string | null;
        /** @description At most 72 bytes of UTF-8 in NFC, the form in which passwords are compared. Common passwords are refused. */
        NewPassword: string;
        Grant: {
            /** Format: uuid */
            id: string;
            /** @description The access token; send it to Hasura as Bearer token. */
            token: string;
            /** Format: date-time */
            tokenExpiresAt: string;
            refreshToken: string;
            /** Format: date-time */
            refreshTokenExpiresAt: string;
            /** @description Null if the device keeps its current one */
            deviceToken: string | null;
            /** @description The access token lacks roles of the account that need a second factor (`LOGIN_SECOND_FACTOR_ROLES`). Add one, or elevate with it, then refresh. */
            rolesWithheld: boolean;
        };
        /** @description The answer if the session is kept in a cookie; it has no tokens. */
        CookieGrant: {
            /** Format: uuid */
            id: string;
            /**
             * Format: date-time
             * @description When the session ends if it is not used; the cookie lasts until the latest end of the session.
             */
            sessionExpiresAt: string;
            /** @description The session lacks roles of the account that need a second factor (`LOGIN_SECOND_FACTOR_ROLES`). Add one, or elevate with it. */
            rolesWithheld: boolean;
        };
        /**
         * @description "cookie" keeps the session in a cookie that no script can read, and answers without tokens. A call that the session's cookie authorizes implies it.
         * @enum {string|null}
         */
        SessionKeeping: "cookie" | null;
        /** @description The account's password. Leave it out for an account without one; its session must then have been opened or elevated recently. */
        OwnPassword: string;
        Session: {
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            lastUsedAt: string;
            /** @description The name that the browser or program gave. */
            client: string;
            current: boolean;
            /** @description How the owner proved who they are (RFC 8176): pwd, otp (a code of an app, a recovery code, a mailed code or link), mfa (a second factor as well). Empty if an operator opened the session. */
            amr: string[];
        };
        Profile: {
            /** Format: uuid */
            id: string;
            email: string;
            emailVerified: boolean;
            name: string;
            roles: string[];
            /** Format: date-time */
            createdAt: string;
        };
        Provider: {
            name: string;
            /** @description For people */
            title: string;
            path: string;
        };
        Identity: {
            /** Format: uuid */
            id: string;
            provider: string;
            /** @description As the provider last wrote it; may be empty */
            email: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            lastUsedAt: string;
        };
        Problem: {
            type: string;
            title: string;
            status: number;
            /** @enum {string} */
            code: "invalid-input" | "token-too-large" | "ambiguous-credentials" | "invalid-credentials" | "unauthenticated" | "invalid-refresh-token" | "invalid-token" | "second-factor-required" | "invalid-code" | "account-disabled" | "email-not-verified" | "elevation-required" | "provider-refused" | "not-linked" | "forbidden" | "origin-refused" | "signup-disabled" | "invitation-required" | "email-not-allowed" | "mail-disabled" | "passkeys-disabled" | "organizations-disabled" | "not-found" | "method-not-allowed" | "email-taken" | "credential-exists" | "last-way-in" | "last-owner" | "organization-limit" | "payload-too-large" | "unsupported-media-type" | "rate-limited" | "header-too-large" | "provider-unavailable" | "overloaded" | "unavailable" | "internal";
            requestId: string;
            retryAfter?: number;
            /** @description With invalid-input: the wrong member of the body, if it is one */
            field?: string;
            /** @description With second-factor-required: send it with the proof */
            challenge?: string;
            /** @description With second-factor-required and elevation-required: the ways to prove who you are */
            methods?: ("passkey" | "totp" | "recovery-code")[];
            /** @description With second-factor-required, if a passkey is among the methods: PublicKeyCredentialRequestOptionsJSON with this challenge. */
            passkeyOptions?: Record<string, never>;
        };
        /** @description The result of the browser's PublicKeyCredential.toJSON(): RegistrationResponseJSON when a passkey is added, otherwise AuthenticationResponseJSON (WebAuthn Level 3, 5.1). At most 8 KiB. */
        PasskeyCredential: Record<string, never>;
        Passkey: {
            /** Format: uuid */
            id: string;
            /** @description The name its owner gave it; may be empty */
            name: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            lastUsedAt: string | null;
            /** @description Whether the owner's other devices have the key too */
            backedUp: boolean;
        };
        /** @description owner, admin, member, or a role of the application */
        MemberRole: string;
        Organization: {
            /** Format: uuid */
            id: string;
            name: string;
            role: components["schemas"]["MemberRole"];
            /** Format: date-time */
            createdAt: string;
        };
        Member: {
            /** Format: uuid */
            userId: string;
            name: string;
            /** @description Only for owners and admins, and the caller's own */
            email: string | null;
            role: components["schemas"]["MemberRole"];
            /** Format: date-time */
            joinedAt: string;
        };
        Invitation: {
            /** Format: uuid */
            id: string;
            email: string;
            role: components["schemas"]["MemberRole"];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            expiresAt: string;
        };
        OpenInvitation: {
            /** @description The address that the mail went to */
            email: string;
            /** @description null: the invitation is only to sign up */
            organizationId: string | null;
            /** @description Chosen by the users there: show it as text */
            organizationName: string | null;
            role: string | null;
            /** Format: date-time */
            expiresAt: string;
            /** @description Whether the person signs in or signs up */
            hasAccount: boolean;
        };
        AcceptedInvitation: {
            organizationId: string | null;
            organizationName: string | null;
            role: string | null;
        };
        TotpEnrolment: {
            /** @description For typing into an app: base32 */
            secret: string;
            /** @description For a QR code that an app scans: otpauth://totp/… */
            uri: string;
            /** @description Send it with the first code; valid for five minutes */
            enrolment: string;
        };
        RecoveryCodes: {
            codes: string[];
        };
        MailChallenge: {
            /** @description Send it with the code. */
            challenge: string;
            /** Format: date-time */
            expiresAt: string;
        };
        MailedCode: {
            /** Format: date-time */
            expiresAt: string;
        };
        ElevatedToken: {
            token: string;
            /** Format: date-time */
            tokenExpiresAt: string;
        };
    };
    responses: {
        /** @description For navigator.credentials, after parseCreationOptionsFromJSON or parseRequestOptionsFromJSON. */
        PasskeyOptions: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": {
                    options: Record<string, never>;
                };
            };
        };
        /** @description Signed in. */
        Grant: {
            headers: {
                /** @description If the session is kept in a cookie. */
                "Set-Cookie"?: string;
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Grant"] | components["schemas"]["CookieGrant"];
            };
        };
        /** @description If the address has an account, a mail is on its way. */
        Accepted: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content?: never;
        };
        /** @description Done; no content. */
        Done: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content?: never;
        };
        /** @description Refused or failed; the code says why. */
        Problem: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: {
        RefreshToken: {
            content: {
                "application/json": {
                    refreshToken: string;
                };
            };
        };
    };
    headers: {
        /** @description Names this request in every log. */
        RequestId: string;
        /** @description Seconds to wait; also in the body. */
        RetryAfter: number;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    signup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    email: components["schemas"]["Email"];
                    name: string;
                    password: components["schemas"]["NewPassword"];
                    language?: components["schemas"]["Language"];
                    /** @description The token of an invitation of this address; the address is then verified, and a session is opened. Works while sign-up is closed, if the invitation allows it */
                    invitation?: string;
                    session?: components["schemas"]["SessionKeeping"];
                };
            };
        };
        responses: {
            201: components["responses"]["Grant"];
            403: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    signin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    email: components["schemas"]["Email"];
                    password: string;
                    /** @description From an earlier grant on this device. It keeps strangers' failed attempts on the account from slowing the owner down. */
                    deviceToken?: string | null;
                    session?: components["schemas"]["SessionKeeping"];
                };
            };
        };
        responses: {
            200: components["responses"]["Grant"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    signinPasskeyOptions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["PasskeyOptions"];
            403: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    signinPasskey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    credential: components["schemas"]["PasskeyCredential"];
                    /** @description From an earlier grant on this device, so that no notice about a new device is sent */
                    deviceToken?: string | null;
                    session?: components["schemas"]["SessionKeeping"];
                };
            };
        };
        responses: {
            200: components["responses"]["Grant"];
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    signinSecondFactor: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    challenge: string;
                    /** @enum {string} */
                    method: "passkey" | "totp" | "recovery-code";
                    /** @description Six digits of the authenticator app, or a recovery code */
                    code?: string | null;
                    credential?: components["schemas"]["PasskeyCredential"];
                    /** @description Whether the device token of the answer lets this device sign in without a second factor for some time */
                    rememberDevice?: boolean;
                    session?: components["schemas"]["SessionKeeping"];
                };
            };
        };
        responses: {
            200: components["responses"]["Grant"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    requestSigninMail: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    email: components["schemas"]["Email"];
                    language?: components["schemas"]["Language"];
                    /** @description From an earlier grant on this device. */
                    deviceToken?: string | null;
                };
            };
        };
        responses: {
            /** @description If the address may sign in, a mail is on its way. */
            202: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MailChallenge"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    signinMailCode: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description From the answer of /auth/signin/mail. */
                    challenge: string;
                    /** @description Six digits. */
                    code: string;
                    /** @description The name of a new account; by default the part of its address before the @ */
                    name?: string | null;
                    session?: components["schemas"]["SessionKeeping"];
                };
            };
        };
        responses: {
            200: components["responses"]["Grant"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    signinMailLink: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    token: string;
                    /** @description From an earlier grant on this device. */
                    deviceToken?: string | null;
                    session?: components["schemas"]["SessionKeeping"];
                };
            };
        };
        responses: {
            200: components["responses"]["Grant"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    requestElevationMail: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    language?: components["schemas"]["Language"];
                };
            };
        };
        responses: {
            /** @description A mail is on its way. */
            202: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MailedCode"];
                };
            };
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    exchange: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    code: string;
                    codeVerifier: string;
                    session?: components["schemas"]["SessionKeeping"];
                };
            };
        };
        responses: {
            200: components["responses"]["Grant"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    refresh: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: components["requestBodies"]["RefreshToken"];
        responses: {
            200: components["responses"]["Grant"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    signout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    refreshToken?: string | null;
                };
            };
        };
        responses: {
            204: components["responses"]["Done"];
            400: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    signoutAll: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    changePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    currentPassword?: components["schemas"]["OwnPassword"];
                    newPassword: components["schemas"]["NewPassword"];
                    session?: components["schemas"]["SessionKeeping"];
                };
            };
        };
        responses: {
            200: components["responses"]["Grant"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    removePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    password?: components["schemas"]["OwnPassword"];
                    session?: components["schemas"]["SessionKeeping"];
                };
            };
        };
        responses: {
            200: components["responses"]["Grant"];
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    requestPasswordReset: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    email: components["schemas"]["Email"];
                    language?: components["schemas"]["Language"];
                };
            };
        };
        responses: {
            202: components["responses"]["Accepted"];
            403: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    resetPassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description Works once, for 30 minutes. */
                    token: string;
                    newPassword: components["schemas"]["NewPassword"];
                    session?: components["schemas"]["SessionKeeping"];
                };
            };
        };
        responses: {
            200: components["responses"]["Grant"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    requestEmailVerification: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    email: components["schemas"]["Email"];
                    language?: components["schemas"]["Language"];
                };
            };
        };
        responses: {
            202: components["responses"]["Accepted"];
            403: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    verifyEmail: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    token: string;
                    /** @description The account's password; only for its first address and without a Bearer token */
                    password?: string;
                };
            };
        };
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    requestEmailChange: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    newEmail: components["schemas"]["Email"];
                    password?: components["schemas"]["OwnPassword"];
                    language?: components["schemas"]["Language"];
                };
            };
        };
        responses: {
            202: components["responses"]["Accepted"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    totpEnrolment: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    password?: components["schemas"]["OwnPassword"];
                };
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TotpEnrolment"];
                };
            };
            401: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    addTotp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    enrolment: string;
                    /** @description Six digits */
                    code: string;
                };
            };
        };
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    removeTotp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    password?: components["schemas"]["OwnPassword"];
                };
            };
        };
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    newRecoveryCodes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    password?: components["schemas"]["OwnPassword"];
                };
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RecoveryCodes"];
                };
            };
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    elevate: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {string} */
                    method: "password" | "passkey" | "totp" | "recovery-code" | "mail-code";
                    /** @description With the method password */
                    password?: string;
                    /** @description Six digits of the authenticator app or of a mail, or a recovery code */
                    code?: string;
                    credential?: components["schemas"]["PasskeyCredential"];
                };
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ElevatedToken"];
                };
            };
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    providers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The providers, in the operator's order. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Provider"][];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    identities: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The identities, in the order in which they were linked. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Identity"][];
                };
            };
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    unlinkIdentity: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As listed by /auth/identities. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    organizations: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The organizations, those joined first first. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Organization"][];
                };
            };
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    createOrganization: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name: string;
                };
            };
        };
        responses: {
            /** @description The organization. */
            201: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Organization"];
                };
            };
            401: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    deleteOrganization: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As listed by /auth/organizations. */
                organizationId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    leaveOrganization: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As listed by /auth/organizations. */
                organizationId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    organizationMembers: {
        parameters: {
            query?: {
                /** @description The user id of the last member of the page before */
                after?: string;
            };
            header?: never;
            path: {
                /** @description As listed by /auth/organizations. */
                organizationId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The members. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Member"][];
                };
            };
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    removeMember: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As listed by /auth/organizations. */
                organizationId: string;
                /** @description As listed by the members. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    changeMemberRole: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As listed by /auth/organizations. */
                organizationId: string;
                /** @description As listed by the members. */
                userId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    role: components["schemas"]["MemberRole"];
                };
            };
        };
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    organizationInvitations: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As listed by /auth/organizations. */
                organizationId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The invitations, by address. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Invitation"][];
                };
            };
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    inviteMember: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As listed by /auth/organizations. */
                organizationId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    email: components["schemas"]["Email"];
                    role?: components["schemas"]["MemberRole"];
                    language?: components["schemas"]["Language"];
                };
            };
        };
        responses: {
            /** @description The invitation. */
            201: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Invitation"];
                };
            };
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            429: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    revokeInvitation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As listed by /auth/organizations. */
                organizationId: string;
                /** @description As listed by the invitations. */
                invitationId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    invitation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description The token of the mailed link */
                    token: string;
                };
            };
        };
        responses: {
            /** @description The invitation. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInvitation"];
                };
            };
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    acceptInvitation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description The token of the mailed link */
                    token: string;
                };
            };
        };
        responses: {
            /** @description What the caller is a member of now; null for an invitation that was only to sign up. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AcceptedInvitation"];
                };
            };
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    passkeyOptions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    password?: components["schemas"]["OwnPassword"];
                };
            };
        };
        responses: {
            200: components["responses"]["PasskeyOptions"];
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    passkeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The passkeys. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Passkey"][];
                };
            };
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    addPasskey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    credential: components["schemas"]["PasskeyCredential"];
                    /** @description The name its owner gives it */
                    name?: string | null;
                };
            };
        };
        responses: {
            /** @description The passkey. */
            201: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Passkey"];
                };
            };
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    removePasskey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As listed by /auth/passkeys. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    password?: components["schemas"]["OwnPassword"];
                };
            };
        };
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            409: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    renamePasskey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As listed by /auth/passkeys. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name: string;
                };
            };
        };
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    elevationOptions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["PasskeyOptions"];
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    sessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The sessions. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"][];
                };
            };
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    endSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description As listed by /auth/sessions. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: components["responses"]["Done"];
            404: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The caller. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Profile"];
                };
            };
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    deleteAccount: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    password?: components["schemas"]["OwnPassword"];
                };
            };
        };
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    changeName: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name: string;
                };
            };
        };
        responses: {
            204: components["responses"]["Done"];
            401: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    contract: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OpenAPI 3.1, of the version that answers. */
            200: {
                headers: {
                    /** @description Always public, max-age=300. */
                    "Cache-Control"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/yaml": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    jwks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A JSON Web Key Set (RFC 7517). */
            200: {
                headers: {
                    /** @description Always public, max-age=60. */
                    "Cache-Control"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        keys: {
                            /** @enum {string} */
                            kty: "EC" | "OKP" | "RSA";
                            kid: string;
                            /** @enum {string} */
                            alg: "ES256" | "EdDSA" | "RS256";
                            /** @constant */
                            use: "sig";
                        }[];
                    };
                };
            };
            429: components["responses"]["Problem"];
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They can: there is a key to sign with, and the database can be written. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        status: "ready";
                    };
                };
            };
            429: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
        };
    };
}
