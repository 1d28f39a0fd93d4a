package pages

import (
	"fmt"
	"time"

	"hasura-login/app/login"
)

var german = &texts{ // #nosec G101 -- texts, no credentials
	Lang:   "de",
	SignIn: "Anmelden", SignUp: "Konto anlegen", Forgot: "Passwort vergessen?", Reset: "Neues Passwort wählen",
	Verify: "E-Mail-Adresse bestätigen", Account: "Ihr Konto", Failed: "Das hat nicht geklappt",

	Email: "E-Mail-Adresse", Password: "Passwort", YourName: "Name", NewPassword: "Neues Passwort",
	CurrentPassword: "Jetziges Passwort", NewEmail: "Neue E-Mail-Adresse",
	NewEmailHint: "Wir schicken einen Link dorthin. Wenn Sie ihn öffnen, gilt die neue Adresse.",

	ForgotQuestion: "Passwort vergessen?", SignUpQuestion: "Neu hier? Konto anlegen",
	SignInQuestion: "Schon ein Konto? Anmelden", BackToSignIn: "Zurück zur Anmeldung", VerifyAgain: "Mail noch einmal schicken",
	CheckMail: "Sehen Sie in Ihre Mails", SendAgain: "Nichts gekommen? Noch einmal schicken",
	SignUpClosed:     "Neue Konten sind hier nicht für alle offen.",
	MailDisabled:     "Diese Seite verschickt keine Mails. Bitte wenden Sie sich an ihren Betreiber.",
	ForgotIntro:      "Nennen Sie Ihre Adresse, und wir schicken einen Link, mit dem Sie ein neues wählen.",
	AlreadyVerified:  "Diese Adresse ist schon bestätigt. Es ist nichts mehr zu tun.",
	VerifyAgainIntro: "Nennen Sie Ihre Adresse, und wir schicken einen Link, der sie bestätigt.",
	SendLink:         "Link schicken", SetPassword: "Passwort setzen", Confirm: "Adresse bestätigen",

	SecondFactor: "Noch ein Schritt", SecondFactorIntro: "Dieses Konto verlangt auch einen Code.",
	Code: "Code", CodeHint: "Aus Ihrer Authenticator-App, oder einer Ihrer Wiederherstellungscodes.",
	FirstCodeHint: "Die sechs Ziffern, die die App gerade zeigt.", RememberDevice: "Auf diesem Gerät eine Zeit lang nicht nach einem Code fragen",
	ChallengeOver: "Das hat zu lange gedauert, oder zu viele Codes waren falsch. Bitte melden Sie sich neu an.",
	AddApp:        "Authenticator-App hinzufügen", AddAppNote: "Zur Anmeldung gehört dann auch ein Code der App.",
	RemoveApp: "Authenticator-App entfernen", RemoveAppNote: "Dann genügt zur Anmeldung Ihr Passwort. Auch Ihre Wiederherstellungscodes gelten nicht mehr.",
	NewCodes: "Neue Wiederherstellungscodes", NewCodesNote: "Zehn Codes für den Tag, an dem Ihnen die App fehlt. Die bisherigen gelten dann nicht mehr.",
	RecoveryCodes: "Ihre Wiederherstellungscodes", CodesIntro: "Bewahren Sie sie dort auf, wo Sie sie ohne Ihr Telefon finden. Jeder gilt einmal. Sie werden nicht wieder gezeigt.",
	ScanIntro: "Lesen Sie das Bild mit der App ein und tippen Sie dann den Code, den sie zeigt.", QRLabel: "QR-Code für die Authenticator-App",
	TypeSecret: "Keine Kamera? Geben Sie in der App das hier ein:",
	Elevate:    "Bestätigen, dass Sie es sind", ElevateIntro: "Für diese Änderung braucht es einen Code. Geben Sie einen ein und ändern Sie dann noch einmal.",
	SignInWithPasskey: "Mit Passkey anmelden",
	UsePasskey:        "Passkey verwenden",
	PasskeyIntro:      "Dieses Konto verlangt auch einen Passkey.",
	PasskeyFailed:     "Der Passkey wurde nicht verwendet. Bitte versuchen Sie es noch einmal.",
	PasskeyUnknown:    "Dieser Passkey ist hier nicht bekannt.",
	Passkeys:          "Ihre Passkeys",
	AddPasskey:        "Passkey hinzufügen",
	AddPasskeyNote:    "Melden Sie sich mit Finger, Gesicht oder PIN an. Wer sich mit Ihrem Passwort anmeldet, braucht dann auch einen Passkey.",
	AddPasskeyIntro:   "Ihr Gerät fragt nach Finger, Gesicht oder PIN.",
	PasskeyName:       "Name des Passkeys",
	PasskeyNameHint:   "Um ihn von anderen zu unterscheiden, etwa der Name Ihres Telefons.",
	UnnamedPasskey:    "Passkey",
	PasskeyAddedAt:    "hinzugefügt",
	Rename:            "Umbenennen",
	RemovePasskey:     "Diesen Passkey entfernen",
	NeedsScript:       "Passkeys brauchen JavaScript, das in diesem Browser aus ist.",
	ElevatePasskey:    "Für diese Änderung braucht es Ihren Passkey. Verwenden Sie ihn und ändern Sie dann noch einmal.",

	MailSignInQuestion: "Mit einem Code per Mail anmelden", MailSignInTitle: "Anmelden mit einem Code",
	MailSignInIntro: "Nennen Sie Ihre Adresse, und wir schicken einen Code.", SendCode: "Code schicken",
	MailCodeIntro:      "Wenn man sich mit dieser Adresse hier anmelden kann, ist eine Mail mit einem Code unterwegs.",
	MailCodeHint:       "Sechs Ziffern; sie gelten 15 Minuten lang und nur hier.",
	MailCodeWrong:      "Das ist nicht der Code aus der neuesten Mail. Nach fünf falschen gilt er nicht mehr.",
	MailCodeOver:       "Das hat zu lange gedauert, oder zu viele Codes waren falsch. Lassen Sie sich einen neuen schicken.",
	ElevateByMailIntro: "Für diese Änderung braucht es einen Code, den wir an Ihre Adresse schicken.",
	mailLinkIntro: func(email string) string {
		return fmt.Sprintf("Hier als %s anmelden? Nur, wenn Sie die Mail verlangt haben.", email)
	},

	SignedInAs: "Sie sind angemeldet als", OtherAccount: "Anderes Konto verwenden", BackToApp: "Zurück zu",

	Address: "E-Mail-Adresse", Verified: "bestätigt", NotVerified: "noch nicht bestätigt", VerifyNow: "Link zum Bestätigen schicken",
	ChangePassword: "Passwort ändern", ChangePasswordNote: "Hier bleiben Sie angemeldet, überall sonst werden Sie abgemeldet.",
	ChangeEmail: "E-Mail-Adresse ändern",
	Sessions:    "Wo Sie angemeldet sind", SessionsNote: "Etwas kommt Ihnen fremd vor? Melden Sie es ab und ändern Sie Ihr Passwort.",
	ThisDevice: "dieses Gerät", LastUsed: "zuletzt benutzt", EndSession: "Abmelden",
	SignOut: "Abmelden", SignOutAll: "Überall abmelden",
	DeleteAccount: "Konto löschen", DeleteNote: "Ihr Konto und seine Daten hier sind sofort weg und lassen sich nicht zurückholen.",
	DeleteForever: "Endgültig löschen",
	DeviceOn:      " unter ", UnknownDevice: "Unbekanntes Gerät",
	CurrentWrong: "Das ist nicht Ihr jetziges Passwort", AccountWrong: "Das ist nicht das Passwort dieses Kontos",
	TakeOver: "Sie kennen das Passwort nicht? Ein neues setzen",
	OpenedBy: map[string]string{"hwk": "mit Passkey", "swk": "mit Passkey", "pwd": "mit Passwort", "otp": "per Mail", "fed": "über einen anderen Dienst"}, AndSecondFactor: " und zweitem Faktor",
	Notices: map[notice]string{ // #nosec G101 -- as above
		noticeResetSent:       "Wenn es zu dieser Adresse ein Konto gibt, ist eine Mail unterwegs. Der Link darin gilt einmal und 30 Minuten lang.",
		noticeVerifySent:      "Wenn es zu dieser Adresse ein Konto gibt und sie noch nicht bestätigt ist, ist eine Mail unterwegs.",
		noticeChangeSent:      "Eine Mail ist unterwegs an die neue Adresse, wenn sie niemand anderem gehört. Öffnen Sie den Link darin.",
		noticeSignedUp:        "Ihr Konto ist angelegt. Öffnen Sie den Link in der Mail an Sie und melden Sie sich dann an.",
		noticeVerified:        "Ihre E-Mail-Adresse ist bestätigt.",
		noticePasswordSet:     "Ihr neues Passwort gilt. Überall sonst sind Sie abgemeldet.",
		noticePasswordChanged: "Ihr Passwort ist geändert. Überall sonst sind Sie abgemeldet.",
		noticeSessionEnded:    "Dort abgemeldet.",
		noticeSessionOver:     "Ihre Sitzung ist zu Ende. Bitte melden Sie sich neu an.",
		noticeSignedOut:       "Sie sind abgemeldet.",
		noticeSignedOutAll:    "Sie sind überall abgemeldet.",
		noticeDeleted:         "Ihr Konto ist gelöscht.",
		noticeAppAdded:        "Die App ist hinzugefügt. Erzeugen Sie jetzt Wiederherstellungscodes, falls sie Ihnen abhandenkommt.",
		noticeAppRemoved:      "Die App ist entfernt.",
		noticeSignInAgain:     "Für diese Änderung braucht es eine frische Anmeldung. Melden Sie sich an und ändern Sie dann noch einmal.",
		noticeFactorWanted:    "Ein Teil Ihrer Rechte hier braucht einen zweiten Faktor. Fügen Sie unten eine Authenticator-App hinzu, dann haben Sie sie.",
		noticeElevated:        "Danke. In den nächsten Minuten können Sie die Änderung machen.",
		noticePasskeyAdded:    "Der Passkey ist hinzugefügt. Erzeugen Sie jetzt Wiederherstellungscodes oder fügen Sie einen zweiten hinzu, falls er Ihnen abhandenkommt.",
		noticePasskeyRenamed:  "Der Passkey hat seinen neuen Namen.",
		noticePasskeyRemoved:  "Der Passkey ist entfernt.",
		noticeLinked:          "Verknüpft. Sie können sich von jetzt an damit anmelden.",
		noticeUnlinked:        "Damit kann man sich bei Ihrem Konto nicht mehr anmelden.",
	},
	Errors: map[login.Code]string{
		login.CodeInvalidCredentials: "E-Mail-Adresse oder Passwort falsch",
		login.CodeLastWayIn:          "Das ist der einzige Weg, sich an Ihrem Konto anzumelden. Fügen Sie erst einen anderen hinzu.",
		login.CodeAccountDisabled:    "Dieses Konto ist gesperrt",
		login.CodeEmailNotVerified:   "Diese Adresse ist noch nicht bestätigt. Öffnen Sie den Link in der Mail an Sie.",
		login.CodeEmailTaken:         "Zu dieser Adresse gibt es schon ein Konto",
		login.CodeInvitationRequired: "Für ein neues Konto braucht es hier eine Einladung",
		login.CodeEmailNotAllowed:    "Hier können Konten keine Adresse bei dieser Domain haben. Nehmen Sie eine andere.",
		login.CodeSignupDisabled:     "Neue Konten sind hier nicht für alle offen",
		login.CodeMailDisabled:       "Diese Seite verschickt keine Mails. Bitte wenden Sie sich an ihren Betreiber.",
		login.CodeInvalidToken:       "Dieser Link ist abgelaufen oder wurde schon benutzt. Lassen Sie sich einen neuen schicken.",
		login.CodeUnauthenticated:    "Bitte melden Sie sich zuerst in dem Konto an.",
		login.CodeForbidden:          "Dieses Formular kam von einer anderen Seite. Öffnen Sie die Seite hier und versuchen Sie es noch einmal.",
		login.CodeInvalidCode:        "Dieser Code ist falsch oder wurde schon benutzt. Warten Sie auf den nächsten.",
		login.CodeCredentialExists:   "Dieses Konto hat schon eine Authenticator-App",
		login.CodeInternal:           "Bei uns ist etwas schiefgegangen. Es steht in unserem Protokoll.",
	},
	Later: map[login.Code]string{
		login.CodeRateLimited: "Zu viele Versuche.",
		login.CodeOverloaded:  "Gerade melden sich viele an.",
		login.CodeUnavailable: "Das geht im Augenblick nicht.",
	},
	verifyIntro: func(email string, made time.Time) string {
		return fmt.Sprintf("Mit %s wurde am %s ein Konto angelegt. Wenn es Ihres ist, bestätigen Sie die Adresse.", email, made.UTC().Format("2.1.2006"))
	},
	changeIntro: func(from, to string) string {
		return fmt.Sprintf("Ihr Konto hat bisher die Adresse %s. Bestätigen Sie, dass die neue %s ist.", from, to)
	},
	changeElsewhere: func(account, to string) string {
		return fmt.Sprintf("Mit diesem Link bekommt das Konto %s die Adresse %s. Melden Sie sich zuerst in diesem Konto an. Wenn es nicht Ihres ist, schließen Sie die Seite.", account, to)
	},
	Or: "oder", Identities: "Weitere Anmeldungen", IdentitiesNote: "Konten bei anderen Diensten, mit denen Sie sich hier anmelden können.",
	Unlink: "Lösen", PasswordOnceMore: "Für diese Änderung braucht es Ihr Passwort. Geben Sie es ein und ändern Sie dann noch einmal.",
	Leave: "Dort werden Sie gebeten, sich anzumelden.",
	ProviderErrors: map[login.Code]string{
		login.CodeProviderRefused:     "Der andere Dienst hat nicht bestätigt, wer Sie sind, oder keine E-Mail-Adresse genannt. Versuchen Sie es noch einmal, oder melden Sie sich anders an.",
		login.CodeProviderUnavailable: "Der andere Dienst antwortet nicht, wie er soll. Versuchen Sie es gleich noch einmal, oder melden Sie sich anders an.",
		login.CodeNotLinked:           "Mit dieser E-Mail-Adresse gibt es schon ein Konto. Melden Sie sich dort an und verknüpfen Sie den anderen Dienst auf der Seite Ihres Kontos. Wenn Sie das Passwort nicht kennen, setzen Sie ein neues.",
		login.CodeInvalidToken:        "Das hat zu lange gedauert, wurde in einem anderen Browser begonnen oder ist schon erledigt. Bitte beginnen Sie noch einmal.",
		login.CodeCredentialExists:    "Dieses Konto beim anderen Dienst gehört hier zu einem anderen Konto.",
		login.CodeInvitationRequired:  "Hier gibt es kein Konto für Sie, und für ein neues braucht es eine Einladung.",
		login.CodeEmailNotAllowed:     "Hier gibt es kein Konto für Sie, und ein neues kann keine Adresse bei Ihrer Domain haben.",
		login.CodeSignupDisabled:      "Hier gibt es kein Konto für Sie, und neue Konten stehen nicht allen offen.",
	},
	signInWith: func(brand, title string) string {
		if brand == "google" { // as Google's own rules have it
			return "Über Google anmelden"
		}
		return "Mit " + title + " anmelden"
	},
	linkTo:     func(title string) string { return title + " verknüpfen" },
	goTo:       func(title string) string { return "Weiter zu " + title },
	continueTo: func(app string) string { return "Weiter zu " + app },
	resetIntro: func(email string) string {
		return fmt.Sprintf("Für das Konto %s. Alle seine Sitzungen enden.", email)
	},
	passwordHint: func(least int) string {
		return fmt.Sprintf("Mindestens %d Zeichen. Ein paar zufällige Wörter sind gut.", least)
	},
	// The API's own words are English.
	invalidField: func(field, _ string, least int) string {
		switch field {
		case "email":
			return "Das geht als E-Mail-Adresse nicht"
		case "name":
			return "Bitte einen Namen mit höchstens 200 Zeichen angeben"
		case fieldCurrent:
			return "Bitte das jetzige Passwort angeben"
		default:
			return fmt.Sprintf("Dieses geht nicht: mindestens %d Zeichen, höchstens 72 Byte, keines der häufigsten und keines aus Ihrem Namen oder Ihrer Adresse", least)
		}
	},
	wait: func(n int, minutes bool) string {
		unit, plural := "Sekunde", "n"
		if minutes {
			unit = "Minute"
		}
		if n == 1 {
			plural = ""
		}
		return fmt.Sprintf("Versuchen Sie es in %d %s%s noch einmal.", n, unit, plural)
	},
	ago: func(d time.Duration, at time.Time) string {
		switch n := int(d.Minutes()); {
		case n < 1:
			return "gerade eben"
		case n == 1:
			return "vor einer Minute"
		case n < 60:
			return fmt.Sprintf("vor %d Minuten", n)
		case n < 120:
			return "vor einer Stunde"
		case n < 24*60:
			return fmt.Sprintf("vor %d Stunden", n/60)
		default:
			return at.UTC().Format("2.1.2006")
		}
	},
}
